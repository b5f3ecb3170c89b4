//! `wasi:http`: linked because ordinary JavaScript toolchains import it; every request is denied.

use std::future::{Future, ready};

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::bounds::{HTTP_BUFFERED_CHUNKS, MAX_HTTP_CHUNK_BYTES};

/// Denies every outgoing request with the interface's own error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeniedHttp;

type Processing = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for DeniedHttp {
    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processing: Processing,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Processing), Error>> + Send> {
        Box::new(ready(Err(Error::HttpRequestDenied)))
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        HTTP_BUFFERED_CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_HTTP_CHUNK_BYTES
    }
}
