//! `wasi:http`: linked because ordinary JavaScript toolchains import it; every request is denied.

use std::future::{Future, ready};
use std::sync::Arc;

use http::{Request, Response};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest as OutgoingRequest;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use airssys_wasm_core::{AccessDenial, AccessObserver, AccessRight, ComponentId};

use crate::bounds::{HTTP_BUFFERED_CHUNKS, MAX_HTTP_CHUNK_BYTES, MAX_HTTP_FIELD_BYTES};
use crate::ports::InstancePorts;
use crate::state::HostState;

/// Where the engine links the functions that are replaced.
const TYPES: &str = "wasi:http/types@0.2.12";

/// Denies every outgoing request with the interface's own error, and tells whoever keeps account of that.
#[derive(Debug)]
pub(crate) struct DeniedHttp {
    id: ComponentId,
    observer: Arc<dyn AccessObserver>,
}

impl DeniedHttp {
    pub(crate) fn new(id: &ComponentId, ports: &InstancePorts) -> Self {
        Self { id: id.clone(), observer: Arc::clone(&ports.access) }
    }
}

type Processing = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for DeniedHttp {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processing: Processing,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Processing), Error>> + Send> {
        let target = request.uri().authority().map_or("wasi:http", |authority| authority.as_str());
        let reason = &"requests by wasi:http are granted to no component";
        self.observer.denied(&self.id, &AccessDenial::new(AccessRight::Network, &target, reason));
        Box::new(ready(Err(Error::HttpRequestDenied)))
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        HTTP_BUFFERED_CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_HTTP_CHUNK_BYTES
    }
}

/// What a function that sets a part of a request returns to the guest.
type Outcome = Result<(), ()>;

/// Bounds the parts of a request that are texts: the engine keeps them for each request that a guest holds, however
/// long they are.
pub(super) fn bound_requests(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type Request = Resource<OutgoingRequest>;
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |store, (request, method): (Request, Method)| {
            let length = if let Method::Other(text) = &method { text.len() } else { 0 };
            bounded(store, length, |mut http| http.set_method(request, method))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |store, (request, text): (Request, Option<String>)| {
            let length = text.as_ref().map_or(0, String::len);
            bounded(store, length, |mut http| http.set_authority(request, text))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |store, (request, text): (Request, Option<String>)| {
            let length = text.as_ref().map_or(0, String::len);
            bounded(store, length, |mut http| http.set_path_with_query(request, text))
        },
    )
}

/// Sets a part of a request, or refuses one that is too long as one that is malformed.
fn bounded(
    mut store: StoreContextMut<'_, HostState>,
    length: usize,
    set: impl FnOnce(WasiHttpCtxView<'_>) -> wasmtime::Result<Outcome>,
) -> wasmtime::Result<(Outcome,)> {
    if length > MAX_HTTP_FIELD_BYTES {
        return Ok((Err(()),));
    }
    Ok((set(store.data_mut().http())?,))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_there_to_be_replaced() {
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::<HostState>::new(&engine);
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
        // Without shadowing each of them is a name that is taken: else guests would get the engine's own.
        assert!(bound_requests(&mut linker).is_err());
        linker.allow_shadowing(true);
        bound_requests(&mut linker).unwrap();
    }
}
