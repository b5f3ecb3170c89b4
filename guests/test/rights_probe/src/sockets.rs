//! The network. Without a socket its methods cannot be called.

use wasip2::sockets::network::{ErrorCode, IpAddressFamily};
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};

use crate::report::Report;

pub(crate) fn probe(report: &mut Report) {
    let network = instance_network::instance_network();
    report.note("wasi:sockets/instance-network", "instance-network", "a handle");
    let found = ip_name_lookup::resolve_addresses(&network, "localhost");
    report.note("wasi:sockets/ip-name-lookup", "resolve-addresses", told(found));
    report.release("wasi:sockets/network", "network", network);
    let tcp = tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4);
    report.note("wasi:sockets/tcp-create-socket", "create-tcp-socket", told(tcp));
    let udp = udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4);
    report.note("wasi:sockets/udp-create-socket", "create-udp-socket", told(udp));
}

fn told<T>(result: Result<T, ErrorCode>) -> &'static str {
    match result {
        Ok(_) => "a handle",
        Err(error) => error.name(),
    }
}
