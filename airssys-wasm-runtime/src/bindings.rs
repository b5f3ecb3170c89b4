//! The generated bindings to the WIT package; the only module that expands them.
//!
//! Host functions are asynchronous so that the guest can give way there. Those that hardly do anything are not: they need
//! no boxed future, and look at the time all the same.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "airssys:core/component",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: {
        "airssys:core/messaging.cancel-request": trappable,
        "airssys:core/messaging.cancel-timer": trappable,
        "airssys:core/messaging.self-id": trappable,
        "airssys:core/messaging.[method]peer.id": trappable,
        "airssys:core/messaging.[drop]peer": trappable,
        "airssys:core/services.now": trappable,
        "airssys:core/services.monotonic-now": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    with: {
        "airssys:core/messaging.peer": crate::peer::Peer,
    },
});
