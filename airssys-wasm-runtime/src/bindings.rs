//! The generated bindings to the WIT package; the only module that expands them.
//!
//! Host functions are asynchronous only where they can wait: the others need no boxed future.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "airssys:core/component",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: {
        "airssys:core/messaging.send": async | trappable,
        "airssys:core/messaging.[method]peer.send": async | trappable,
        "airssys:core/messaging.call": async | trappable,
        "airssys:core/messaging.[method]peer.call": async | trappable,
        "airssys:core/messaging.publish": async | trappable,
        "airssys:core/services.sleep": async | trappable,
        "airssys:core/storage.get": async | trappable,
        "airssys:core/storage.set": async | trappable,
        "airssys:core/storage.delete": async | trappable,
        "airssys:core/storage.exists": async | trappable,
        "airssys:core/storage.list-keys": async | trappable,
        "airssys:core/storage.usage": async | trappable,
        "airssys:core/storage.compare-and-swap": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "airssys:core/messaging.peer": crate::peer::Peer,
    },
});
