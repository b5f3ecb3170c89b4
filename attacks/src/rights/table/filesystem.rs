//! `wasi:filesystem`.

use super::Rows;

const TYPES: &str = "wasi:filesystem/types";

pub(super) const ROWS: &[Rows] = &[
    Rows::Harmless {
        interface: "wasi:filesystem/preopens",
        reason: "nothing but the folders that were granted, and none was",
        answers: &[("get-directories", "none")],
    },
    Rows::Unreachable {
        interface: TYPES,
        handle: "descriptor",
        functions: &[
            "[method]descriptor.read-via-stream",
            "[method]descriptor.write-via-stream",
            "[method]descriptor.append-via-stream",
            "[method]descriptor.advise",
            "[method]descriptor.sync-data",
            "[method]descriptor.get-flags",
            "[method]descriptor.get-type",
            "[method]descriptor.set-size",
            "[method]descriptor.set-times",
            "[method]descriptor.read",
            "[method]descriptor.write",
            "[method]descriptor.read-directory",
            "[method]descriptor.sync",
            "[method]descriptor.create-directory-at",
            "[method]descriptor.stat",
            "[method]descriptor.stat-at",
            "[method]descriptor.set-times-at",
            "[method]descriptor.link-at",
            "[method]descriptor.open-at",
            "[method]descriptor.readlink-at",
            "[method]descriptor.remove-directory-at",
            "[method]descriptor.rename-at",
            "[method]descriptor.symlink-at",
            "[method]descriptor.unlink-file-at",
            "[method]descriptor.is-same-object",
            "[method]descriptor.metadata-hash",
            "[method]descriptor.metadata-hash-at",
            "[resource-drop]descriptor",
        ],
    },
    Rows::Unreachable {
        interface: TYPES,
        handle: "directory-entry-stream",
        functions: &[
            "[method]directory-entry-stream.read-directory-entry",
            "[resource-drop]directory-entry-stream",
        ],
    },
    Rows::Harmless {
        interface: TYPES,
        reason: "no error that can be had is one of files",
        answers: &[("filesystem-error-code", "none")],
    },
];
