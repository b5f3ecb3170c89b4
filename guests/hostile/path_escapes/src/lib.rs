//! Tries to leave the folders that it was granted.
//!
//! `leave FOLDER NAME` tries every way from FOLDER to the file NAME beside that folder, and answers with those that led
//! to it, one to a line. `change FOLDER` tries every way to change what is in FOLDER, and
//! answers with the number of ways that did. `open FOLDER PATH` opens a file, and answers with what came of it.
//! A message `ping` is answered with `pong`.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;
use wasi_files::{
    Descriptor, DescriptorFlags, NewTimestamp, OpenFlags, PathFlags, create, granted, name, open, read, write,
};

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = String::from_utf8_lossy(&message.payload.data).into_owned();
        let parts: Vec<_> = order.split(' ').collect();
        let folder = |path| granted(path).ok_or_else(|| HandlerError::Failed("no such folder".to_owned()));
        let answer = match parts.as_slice() {
            ["leave", path, file] => leave(&folder(path)?, path, file).join("\n"),
            ["change", path] => change(&folder(path)?).to_string(),
            ["open", path, file] => match open(&folder(path)?, file) {
                Ok(_) => "opened".to_owned(),
                Err(code) => name(code),
            },
            _ => "pong".to_owned(),
        };
        Ok(Some(Payload { data: answer.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn leave(folder: &Descriptor, path: &str, file: &str) -> Vec<String> {
    let mut led = Vec::new();
    let mut note = |verb: &str, way: &str, did: bool| {
        if did {
            led.push(format!("{verb} {way}"));
        }
    };
    let beside = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let own = path.rsplit('/').next().unwrap_or_default();
    let mut paths = vec![
        format!("../{file}"),
        format!("./../{file}"),
        format!("..//{file}"),
        format!("{beside}/{file}"),
        format!("/{beside}/{file}"),
        format!("../{own}/../{file}"),
        format!("a/../../{file}"),
        format!("link/{file}"),
        format!("/proc/self/cwd/../{file}"),
    ];
    // Made where that is allowed; some of these are to lead out, and all are tried.
    let _ = folder.create_directory_at("a");
    let _ = folder.create_directory_at("a/b");
    for (target, link) in [
        ("..", "own-up"),
        (beside, "own-beside"),
        ("a/../..", "own-deep"),
        ("own-up", "own-twice"),
        ("/", "own-root"),
        ("/proc/self/root", "own-proc"),
    ] {
        let _ = folder.symlink_at(target, link);
        paths.push(format!("{link}/{file}"));
        paths.push(format!("{link}{beside}/{file}"));
    }
    paths.push("file-link".to_owned());
    // Where such a link is not made, its name is as good as any other.
    for (target, link) in [(format!("../{file}"), "own-file"), (format!("{beside}/{file}"), "own-absolute")] {
        if folder.symlink_at(&target, link).is_ok() {
            paths.push(link.to_owned());
        }
    }
    // A folder that moves while it is open has another parent.
    if let Ok(inner) = folder.open_at(
        PathFlags::empty(),
        "a/b",
        OpenFlags::DIRECTORY,
        DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY,
    ) {
        let _ = folder.rename_at("a/b", folder, "b");
        paths.push(format!("b/../../{file}"));
        let ways = [format!("../{file}"), format!("../../{file}"), format!("../../../{file}")];
        for way in &ways {
            note("read from a folder that moved", way, read(&inner, way).is_ok());
            note("write from a folder that moved", way, write(&inner, way, b"x").is_ok());
        }
    }
    for (number, way) in paths.iter().enumerate() {
        let stolen = format!("stolen-{number}");
        let follow = PathFlags::SYMLINK_FOLLOW;
        note("read", way, read(folder, way).is_ok());
        note("write", way, write(folder, way, b"x").is_ok());
        note("look at", way, folder.stat_at(follow, way).is_ok());
        let linked = folder.link_at(PathFlags::empty(), way, folder, &stolen).is_ok();
        note("link", way, linked && is_file(folder, &stolen));
        let moved = folder.rename_at(way, folder, &stolen).is_ok();
        note("rename", way, moved && is_file(folder, &stolen));
        if way.contains("..") {
            note("rename to", way, folder.rename_at("a", folder, way).is_ok());
            note("make", way, folder.create_directory_at(way).is_ok());
        }
    }
    led
}

/// Whether it is a file, and no link that was moved itself.
fn is_file(folder: &Descriptor, path: &str) -> bool {
    folder
        .stat_at(PathFlags::empty(), path)
        .is_ok_and(|stat| stat.type_ == wasi_files::DescriptorType::RegularFile)
}

fn change(folder: &Descriptor) -> usize {
    let now = || NewTimestamp::Now;
    let flags = |flags| folder.open_at(PathFlags::empty(), "file", flags, DescriptorFlags::READ).is_ok();
    let file = open(folder, "file");
    let by_handle = file.as_ref().map_or([false; 5], |file| {
        [
            file.write(b"x", 0).is_ok(),
            file.set_size(0).is_ok(),
            file.write_via_stream(0).is_ok(),
            file.append_via_stream().is_ok(),
            file.set_times(now(), now()).is_ok(),
        ]
    });
    let by_path = [
        write(folder, "file", b"x").is_ok(),
        create(folder, "new").is_ok(),
        flags(OpenFlags::TRUNCATE),
        flags(OpenFlags::CREATE),
        folder.create_directory_at("made").is_ok(),
        folder.symlink_at("file", "made").is_ok(),
        folder.link_at(PathFlags::empty(), "file", folder, "made").is_ok(),
        folder.rename_at("file", folder, "made").is_ok(),
        folder.unlink_file_at("file").is_ok(),
        folder.remove_directory_at("folder").is_ok(),
        folder.set_times_at(PathFlags::empty(), "file", now(), now()).is_ok(),
        folder.set_times(now(), now()).is_ok(),
    ];
    // The file is there, or nothing was tried.
    if file.is_err() {
        return usize::MAX;
    }
    by_handle.into_iter().chain(by_path).filter(|changed| *changed).count()
}

export!(Component);
