//! Does with files, variables and outputs what it is told, and answers what came of it.
//!
//! An order is `VERB` or `VERB FOLDER ARGUMENTS`, its parts separated by one space each; FOLDER is a path that was
//! granted. Whatever fails is answered with the name of its error.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;
use wasi_files::{
    Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, OutputStream, PathFlags, create,
    environment, get_directories, granted, name, open, read, stderr, stdin, stdout, stream_error, write,
};

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = String::from_utf8(message.payload.data).map_err(|_| invalid("no text"))?;
        let parts: Vec<_> = order.split(' ').collect();
        let answer = match parts.as_slice() {
            ["folders"] => {
                let paths: Vec<_> = get_directories().into_iter().map(|(_, path)| path).collect();
                paths.join("\n")
            }
            ["environment"] => pairs(environment::get_environment()),
            ["arguments"] => environment::get_arguments().join("\n"),
            ["cwd"] => environment::initial_cwd().unwrap_or_default(),
            ["input"] => match stdin::get_stdin().blocking_read(10) {
                Ok(bytes) => format!("{} bytes", bytes.len()),
                Err(error) => stream_error(error),
            },
            ["output", text @ ..] => print(stdout::get_stdout(), text),
            ["error", text @ ..] => print(stderr::get_stderr(), text),
            ["trap", text @ ..] => {
                print(stdout::get_stdout(), text);
                core::arch::wasm32::unreachable()
            }
            [verb, folder, arguments @ ..] => match granted(folder) {
                Some(folder) => files(&folder, verb, arguments).unwrap_or_else(name),
                None => "no such folder".to_owned(),
            },
            _ => return Err(invalid(&order)),
        };
        Ok(Some(Payload { data: answer.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn invalid(what: &str) -> HandlerError {
    HandlerError::InvalidMessage(what.to_owned())
}

fn pairs(pairs: Vec<(String, String)>) -> String {
    let lines: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.join("\n")
}

/// Writes words joined by spaces, `\n` among them as line ends.
fn print(stream: OutputStream, words: &[&str]) -> String {
    let text = words.join(" ").replace("\\n", "\n");
    match stream.blocking_write_and_flush(text.as_bytes()) {
        Ok(()) => "ok".to_owned(),
        Err(error) => stream_error(error),
    }
}

fn files(folder: &Descriptor, verb: &str, arguments: &[&str]) -> Result<String, ErrorCode> {
    let done = |()| "ok".to_owned();
    match (verb, arguments) {
        ("read", [path]) => Ok(String::from_utf8_lossy(&read(folder, path)?).into_owned()),
        ("write", [path, text]) => Ok(write(folder, path, text.as_bytes())?.to_string()),
        ("stream", [path]) => {
            let stream = open(folder, path)?.read_via_stream(0)?;
            let mut whole = Vec::new();
            Ok(loop {
                match stream.blocking_read(1_000) {
                    Ok(part) => whole.extend(part),
                    Err(wasi_files::StreamError::Closed) => break format!("{} bytes", whole.len()),
                    Err(error) => break stream_error(error),
                }
            })
        }
        ("append", [path, text]) => {
            let stream = create(folder, path)?.append_via_stream()?;
            Ok(stream.blocking_write_and_flush(text.as_bytes()).map_or_else(stream_error, done))
        }
        // Without waiting for anything: what was accepted is written when the stream is dropped.
        ("drop", [path, text]) => {
            let stream = create(folder, path)?.write_via_stream(0)?;
            Ok(stream.write(text.as_bytes()).map_or_else(stream_error, done))
        }
        ("list", [path]) => {
            let flags = OpenFlags::DIRECTORY;
            let listed = folder.open_at(PathFlags::SYMLINK_FOLLOW, path, flags, DescriptorFlags::READ)?;
            let entries = listed.read_directory()?;
            let mut names = Vec::new();
            while let Some(entry) = entries.read_directory_entry()? {
                names.push(format!("{:?} {}", entry.type_, entry.name));
            }
            names.sort();
            Ok(names.join("\n"))
        }
        ("count", [path]) => {
            let flags = OpenFlags::DIRECTORY;
            let listed = folder.open_at(PathFlags::SYMLINK_FOLLOW, path, flags, DescriptorFlags::READ)?;
            let entries = listed.read_directory()?;
            let mut count = 0;
            while entries.read_directory_entry()?.is_some() {
                count += 1;
            }
            Ok(count.to_string())
        }
        ("nofollow", [path]) => folder
            .open_at(PathFlags::empty(), path, OpenFlags::empty(), DescriptorFlags::READ)
            .map(|_| "ok".to_owned()),
        ("truncate", [path]) => folder
            .open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::TRUNCATE, DescriptorFlags::WRITE)
            .map(|_| "ok".to_owned()),
        ("resize", [path]) => open(folder, path)?.set_size(1).map(done),
        ("touch", [path]) => {
            folder.set_times_at(PathFlags::empty(), path, NewTimestamp::Now, NewTimestamp::Now).map(done)
        }
        ("stat", [path]) => {
            let stat = folder.stat_at(PathFlags::SYMLINK_FOLLOW, path)?;
            Ok(format!("{:?} {}", stat.type_, stat.size))
        }
        ("mkdir", [path]) => folder.create_directory_at(path).map(done),
        ("rmdir", [path]) => folder.remove_directory_at(path).map(done),
        ("unlink", [path]) => folder.unlink_file_at(path).map(done),
        ("symlink", [old, new]) => folder.symlink_at(old, new).map(done),
        ("readlink", [path]) => folder.readlink_at(path),
        ("link", [old, other, new]) => match granted(other) {
            Some(other) => folder.link_at(PathFlags::empty(), old, &other, new).map(done),
            None => Ok("no such folder".to_owned()),
        },
        ("rename", [old, other, new]) => match granted(other) {
            Some(other) => folder.rename_at(old, &other, new).map(done),
            None => Ok("no such folder".to_owned()),
        },
        ("same", [one, other]) => Ok(open(folder, one)?.is_same_object(&open(folder, other)?).to_string()),
        _ => Ok("no such order".to_owned()),
    }
}

export!(Component);
