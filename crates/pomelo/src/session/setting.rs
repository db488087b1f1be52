//! Keys of a session's settings: a name alone, or a constant that also says what the value is.

use std::{fmt, marker::PhantomData};

/// A key of a session's settings whose values are of type `T`. As a constant it is written once, and no handler reads as a
/// number what another one wrote as a text.
///
/// ```
/// # use pomelo::{Result, Session, Setting};
/// const PLAYER: Setting<u32> = Setting::new("playerId");
///
/// async fn choose(session: Session, player: u32) -> Result<bool> {
///     let is_first = session.get(PLAYER).is_none();
///     session.set(PLAYER, &player).await?;
///     assert_eq!(session.get(PLAYER), Some(player));
///     Ok(is_first)
/// }
/// # let stage = pomelo::testing::Stage::new("connector-server-1");
/// # let chosen = choose(stage.session(), 7);
/// # assert!(tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(chosen).unwrap());
/// ```
///
/// ```compile_fail
/// # use pomelo::{Result, Session, Setting};
/// const PLAYER: Setting<u32> = Setting::new("playerId");
///
/// async fn choose(session: Session, player: String) -> Result<()> {
///     Ok(session.set(PLAYER, &player).await?)
/// }
/// ```
///
/// Other programs see the name and the value as JSON, as those of [`Session::set`](crate::Session::set) with a name alone.
pub struct Setting<T> {
    name: &'static str,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Setting<T> {
    /// The setting of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, of: PhantomData }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

// Derived ones would ask the same of `T`.
impl<T> Clone for Setting<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Setting<T> {}

impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({})", self.name)
    }
}

impl<T> AsRef<str> for Setting<T> {
    fn as_ref(&self) -> &str {
        self.name
    }
}

/// What names a setting of type `T`: a [`Setting`] of it, or a text, which may be of any type.
pub trait Key<T: ?Sized>: AsRef<str> {}

impl<T> Key<T> for Setting<T> {}

impl<T: ?Sized> Key<T> for &str {}

impl<T: ?Sized> Key<T> for &String {}
