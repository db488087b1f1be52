//! Colours, where a person looks: on a terminal, unless `NO_COLOR` is set.

use std::{fmt::Display, io::IsTerminal as _};

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    coloured: bool,
}

/// Foreground colours that stay readable on light and dark terminals, given to servers in turn.
const HUES: [u8; 6] = [36, 32, 35, 33, 34, 31];

impl Style {
    /// For what goes to stdout.
    pub fn for_stdout() -> Self {
        Self { coloured: std::io::stdout().is_terminal() && colours_wanted() }
    }

    /// For what goes to stderr.
    pub fn for_stderr() -> Self {
        Self { coloured: std::io::stderr().is_terminal() && colours_wanted() }
    }

    /// Never colours.
    pub fn plain() -> Self {
        Self { coloured: false }
    }

    /// For errors.
    pub fn red(self, text: impl Display) -> String {
        self.paint(31, text)
    }

    /// For good news.
    pub fn green(self, text: impl Display) -> String {
        self.paint(32, text)
    }

    /// For titles.
    pub fn bold(self, text: impl Display) -> String {
        self.paint(1, text)
    }

    /// For what can be passed over.
    pub fn dim(self, text: impl Display) -> String {
        self.paint(2, text)
    }

    /// A colour of its own for the `n`th of many.
    pub fn hue(self, n: usize, text: impl Display) -> String {
        self.paint(HUES[n % HUES.len()], text)
    }

    fn paint(self, code: u8, text: impl Display) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}
