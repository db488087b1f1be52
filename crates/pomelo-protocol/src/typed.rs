//! Typed names of messages: each is written once, as a constant, and registers, calls and pushes with its types, at servers and at
//! clients. Only names and types; who says them is not here.

use std::{fmt, marker::PhantomData};

use crate::route;

macro_rules! typed_name {
    ($(#[$doc:meta])* $name:ident<$($ty:ident),+> $({ $field:ident: $of:ty })?, $shape:ty) => {
        $(#[$doc])*
        pub struct $name<$($ty),+> {
            name: &'static str,
            $($field: $of,)?
            types: PhantomData<$shape>,
        }

        impl<$($ty),+> $name<$($ty),+> {
            /// The name as text.
            pub const fn name(&self) -> &'static str {
                self.name
            }
        }

        impl<$($ty),+> Clone for $name<$($ty),+> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($ty),+> Copy for $name<$($ty),+> {}

        impl<$($ty),+> fmt::Debug for $name<$($ty),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.name)
            }
        }
    };
}

typed_name! {
    /// A message of a client to a server: a request with its response, or a notify (`Res = ()`).
    ///
    /// ```
    /// # use pomelo_protocol::Route;
    /// # struct Enter; struct Entered;
    /// const ENTER: Route<Enter, Entered> = Route::new("connector.entryHandler.enter");
    /// assert_eq!(ENTER.server_type(), "connector");
    /// ```
    ///
    /// A malformed one does not compile:
    ///
    /// ```compile_fail
    /// # use pomelo_protocol::Route;
    /// const ENTER: Route<(), ()> = Route::new("connector.enter");
    /// ```
    Route<Req, Res>, fn(Req) -> Res
}

typed_name! {
    /// A message of a server to a server: called through `Rpc`, answered by a function given to `Server::remote`.
    ///
    /// ```
    /// # use pomelo_protocol::Remote;
    /// # struct Join;
    /// const ADD: Remote<Join, Vec<String>> = Remote::new("chat.chatRemote.add");
    /// assert_eq!(ADD.server_type(), "chat");
    /// ```
    Remote<Req, Res> { idempotent: bool }, fn(Req) -> Res
}

typed_name! {
    /// A message of a server to clients, by its name on the client's side.
    ///
    /// ```
    /// # use pomelo_protocol::Push;
    /// # struct Said;
    /// const ON_CHAT: Push<Said> = Push::new("onChat");
    /// ```
    Push<Msg>, fn(Msg)
}

impl<Req, Res> Route<Req, Res> {
    /// `serverType.handler.method`. In a `const`, anything else does not compile; elsewhere it panics.
    pub const fn new(name: &'static str) -> Self {
        assert!(route::is_valid(name), "a route has three non-empty parts: serverType.handler.method");
        Self { name, types: PhantomData }
    }

    /// The type of the servers that handle it.
    pub fn server_type(&self) -> &'static str {
        first_part(self.name)
    }
}

impl<Req, Res> Remote<Req, Res> {
    /// `serverType.service.method`. In a `const`, anything else does not compile; elsewhere it panics.
    pub const fn new(name: &'static str) -> Self {
        assert!(route::is_valid(name), "a remote has three non-empty parts: serverType.service.method");
        Self { name, idempotent: false, types: PhantomData }
    }

    /// Says that to execute it twice is no worse than once, so that `Rpc::fail_over` may call it
    /// again when nobody knows whether it was executed.
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    /// Whether [`idempotent`](Self::idempotent) was said.
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// The type of the servers that answer it.
    pub fn server_type(&self) -> &'static str {
        first_part(self.name)
    }
}

impl<Msg> Push<Msg> {
    /// Any name of 1 to 255 bytes, that being what a message can carry. In a `const`, anything else does not compile;
    /// elsewhere it panics.
    pub const fn new(name: &'static str) -> Self {
        assert!(!name.is_empty() && name.len() <= 255, "the name of a push has 1 to 255 bytes");
        Self { name, types: PhantomData }
    }
}

fn first_part(name: &'static str) -> &'static str {
    name.split_once('.').map_or(name, |(first, _)| first)
}
