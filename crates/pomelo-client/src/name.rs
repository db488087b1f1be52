//! How a message is named: by a typed constant, which settles what is sent and what comes back, or by a text, and then both are up to
//! the caller.

use pomelo_protocol::Route;

/// Names a message whose body is a `Req`.
pub trait Takes<Req: ?Sized> {
    /// The route.
    fn route(&self) -> &str;
}

/// Names a request that is answered with a `Res`.
pub trait Answers<Res> {}

impl<Req, Res> Takes<Req> for Route<Req, Res> {
    fn route(&self) -> &str {
        self.name()
    }
}

impl<Req, Res> Answers<Res> for Route<Req, Res> {}

impl<Req: ?Sized> Takes<Req> for &str {
    fn route(&self) -> &str {
        self
    }
}

impl<Res> Answers<Res> for &str {}

impl<Req: ?Sized> Takes<Req> for &String {
    fn route(&self) -> &str {
        self
    }
}

impl<Res> Answers<Res> for &String {}
