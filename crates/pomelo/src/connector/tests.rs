//! A connector over real sockets: raw TCP clients by hand, WebSocket clients by tokio-websockets, whose framing nobody
//! here wrote.

mod closing;
mod flow;
mod handshake;
mod limits;
mod protobuf;
mod proxied;
mod rig;
mod tls;
