//! Loading: what is slow to compile, or cannot be read at all, holds up nobody else.

use std::time::Duration;

use airssys_wasm_system::{Component, SystemError};

use crate::support::{file, guest, host, make_pipe};

const LONG: Duration = Duration::from_secs(60);

fn slow(number: usize) -> Component {
    let address = format!("test/slow-{number}").parse().unwrap();
    Component::from_file(address, file("compiles_slowly"), 2 << 20)
}

#[tokio::test]
async fn others_start_and_answer_while_components_compile_slowly() {
    let host = host();
    let echo = host.start(guest("echo").receive_from("test/pair".parse().unwrap())).await.unwrap();
    // One turn stays free.
    let slow: Vec<_> = (0..3)
        .map(|number| {
            let host = host.clone();
            tokio::spawn(async move { host.start(slow(number)).await })
        })
        .collect();
    // They come first.
    tokio::task::yield_now().await;
    let pair = host.start(guest("pair").send_to("test/echo".parse().unwrap())).await.unwrap();
    assert_eq!(echo.request("still here").await.unwrap().bytes().as_ref(), b"still here");
    pair.request("test/echo").await.unwrap();
    assert!(slow.iter().all(|slow| !slow.is_finished()), "none of them was slow");
    for slow in slow {
        tokio::time::timeout(LONG, slow).await.unwrap().unwrap().unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_no_component() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe.wasm");
    make_pipe(&path);
    let host = host();
    // Read, it would wait for a writer for ever.
    let start = host.start(Component::from_file("test/pipe".parse().unwrap(), &path, 2 << 20));
    let error = tokio::time::timeout(LONG, start).await.unwrap().unwrap_err();
    assert!(matches!(error, SystemError::File { .. }), "{error:?}");
}
