//! The error a handler may end with: any error at all, as in `anyhow`, so that `?` works on everything. Errors of this
//! crate's own parts are enums beside the part that fails.

use std::{error::Error as StdError, fmt};

/// What a handler, a remote, a hook or a filter ends with when it fails. Made from any error by `?`.
///
/// The client never sees its text: it gets `{"code":500}`, and the server logs the error with the route and the session.
/// What a client should know belongs into the response type.
pub struct Error(Box<dyn StdError + Send + Sync>);

/// A result with [`Error`] where nothing else is said.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that is only a text.
    pub fn msg(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The error inside, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// The error and what caused it, each cause once: some errors say theirs themselves.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
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
