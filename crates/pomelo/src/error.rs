//! The error a handler may end with: any error at all, as in `anyhow`, so that `?` works on everything. Errors of this
//! crate's own parts are enums beside the part that fails.

use std::{any::TypeId, error::Error as StdError, fmt};

use pomelo_rpc::{ErrorKind, RpcError};

use crate::CallError;

/// What a handler, a remote, a hook or a filter ends with when it fails. Made from any error by `?`.
///
/// The client never sees its text, only its [code](Self::code): `{"code":500}` where nothing else is said. The server logs
/// the error with the route and the session: at WARN, or at DEBUG where it is [the client's own doing](Self::of_client).
/// [`App::on_error`](crate::App::on_error) is the one place that says otherwise,
/// for all handlers.
///
/// ```
/// # use pomelo::{Error, Result, State};
/// # struct Purse(u32);
/// async fn buy(purse: State<Purse>, price: u32) -> Result<u32> {
///     if purse.0 < price {
///         return Err(Error::msg("not enough gold").with_code(1003)); // the client gets {"code":1003}
///     }
///     Ok(purse.0 - price)
/// }
/// ```
pub struct Error {
    inner: Box<dyn Inner>,
    code: Option<u16>,
    of_client: bool,
}

/// A result with [`Error`] where nothing else is said.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The code of every failure that nobody gave another one: no such route, no server of the type, a call that failed or
    /// took too long, an error of a handler, a panic. It is what the original answers for all of them.
    pub const FAILED: u16 = 500;
    /// A session sends more than a [rate limit](crate::filters::RateLimit) lets through.
    pub const TOO_MANY: u16 = 429;
    /// A server has too much to do ([`filters::Shed`](crate::filters::Shed)): the request was not begun.
    pub const BUSY: u16 = 503;
    /// A handler took longer than its [time-out](crate::filters::Timeout); it may have done part of its work.
    pub const TIMED_OUT: u16 = 504;
    /// The lowest code that an application can give. Those below are what servers tell each other.
    pub const CODE_MIN: u16 = 100;

    /// An error that is only a text.
    pub fn msg(text: impl Into<String>) -> Self {
        Self::from(Text(text.into()))
    }

    /// The same with a code of the application, for the client and for a server that called. One below
    /// [`CODE_MIN`](Self::CODE_MIN) becomes [`FAILED`](Self::FAILED).
    #[must_use]
    pub fn with_code(mut self, code: u16) -> Self {
        self.code = Some(if code < Self::CODE_MIN { Self::FAILED } else { code });
        self
    }

    /// Says that the client itself is why: it asked for what it may not have. Such errors are logged at DEBUG, because a client
    /// can cause as many of them as it likes; all others at WARN, 20 lines of a type of error within 10 s.
    ///
    /// ```
    /// # use pomelo::{Error, Result};
    /// async fn open(key: u32) -> Result<()> {
    ///     if key != 7 {
    ///         return Err(Error::msg("wrong key").with_code(1003).of_client());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// What an application's own error type says of this, it says once, with
    /// [`App::client_error`](crate::App::client_error); `?` is all that a handler needs then.
    #[must_use]
    pub fn of_client(mut self) -> Self {
        self.of_client = true;
        self
    }

    pub(crate) fn is_of_client(&self) -> bool {
        self.of_client
    }

    /// Which type the error inside is of.
    pub(crate) fn kind(&self) -> TypeId {
        (*self.inner).kind()
    }

    /// What the client is told where [`App::on_error`](crate::App::on_error) says nothing else. The code of a remote that
    /// failed is the code of the handler that passes its error on.
    pub fn code(&self) -> u16 {
        let of_remote = || match self.downcast_ref::<CallError>()? {
            CallError::Link(RpcError { kind: ErrorKind::Remote(failure), .. }) => Some(failure.code),
            _ => None,
        };
        self.code.or_else(|| of_remote().filter(|&code| code >= Self::CODE_MIN)).unwrap_or(Self::FAILED)
    }

    /// The error inside, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        let inner: &(dyn StdError + 'static) = &*self.inner;
        inner.downcast_ref()
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self { inner: Box::new(error), code: None, of_client: false }
    }
}

/// Any error, which still knows of what type it is.
trait Inner: StdError + Send + Sync {
    fn kind(&self) -> TypeId;
}

impl<E: StdError + Send + Sync + 'static> Inner for E {
    fn kind(&self) -> TypeId {
        TypeId::of::<E>()
    }
}

/// An error that is only a text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Text(String);

/// The error and what caused it, each cause once: some errors say theirs themselves.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.inner.to_string();
        let mut source = self.inner.source();
        while let Some(cause) = source {
            let words = cause.to_string();
            if !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            source = cause.source();
        }
        f.write_str(&text)
    }
}

/// As [`Display`](fmt::Display): this is what a `main` that returns a [`Result`] prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_becomes_one_and_can_be_found_again() {
        fn fails() -> Result<u32> {
            Ok("x".parse::<u32>()?)
        }
        let error = fails().unwrap_err();
        assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
        assert_eq!(error.to_string(), "invalid digit found in string");
        assert_eq!(format!("{:?}", Error::msg("plain")), "plain");
    }

    #[test]
    fn the_code_of_an_error_is_its_own_or_that_of_a_remote_or_500() {
        let remote = |code| {
            let server = pomelo_protocol::ServerId::new("chat-server-1").unwrap();
            let kind = ErrorKind::Remote(pomelo_rpc::Failure::new(code, "no"));
            Error::from(CallError::Link(RpcError {
                server,
                who: pomelo_rpc::Who::Remote,
                retry: false,
                kind,
            }))
        };
        assert_eq!(Error::msg("plain").code(), 500);
        assert_eq!(Error::msg("poor").with_code(1003).code(), 1003);
        assert_eq!(Error::msg("too low").with_code(7).code(), 500);
        assert_eq!(remote(1003).code(), 1003);
        assert_eq!(remote(1).code(), 500);
        assert_eq!(remote(1003).with_code(1004).code(), 1004);
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("can't read")]
        struct Quiet(#[source] fmt::Error);
        #[derive(Debug, thiserror::Error)]
        #[error("can't start: {0}")]
        struct Telling(#[source] Quiet);
        let cause = fmt::Error;
        assert_eq!(
            Error::from(Telling(Quiet(cause))).to_string(),
            format!("can't start: can't read: {cause}")
        );
    }
}
