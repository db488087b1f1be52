//! Text that players write and others read: chat lines and names. The original client writes both into its page as HTML, so
//! what leaves here is harmless there. Not here: who may write to whom, and how often ([`crate::rate`]).

use thiserror::Error;

/// The longest chat line, in characters, before its entities are counted.
pub const CHAT_CHARS_MAX: usize = 200;

/// The longest player name, in characters.
pub const NAME_CHARS_MAX: usize = 16;

/// Chat lines a session may send within [`CHAT_WINDOW_MS`].
pub const CHAT_BURST: usize = 5;

/// See [`CHAT_BURST`].
pub const CHAT_WINDOW_MS: u64 = 5000;

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing but blanks.
    #[error("the name is empty")]
    Empty,
    /// More than [`NAME_CHARS_MAX`].
    #[error("the name has {0} characters, {NAME_CHARS_MAX} are allowed")]
    TooLong(usize),
    /// Neither letter nor digit, blank, `_` or `-`; or a letter that the client's decoder cannot read.
    #[error("a name cannot hold {0:?}")]
    Character(char),
}

/// The name as it is stored: without blanks around it, 1 to 16 letters, digits, single blanks, `_` and `-` of any script within the
/// basic plane.
///
/// # Errors
/// [`NameError`], in words for the player.
pub fn name(text: &str) -> Result<String, NameError> {
    let name = one_blank_each(text.trim());
    let count = name.chars().count();
    if count == 0 {
        return Err(NameError::Empty);
    }
    if count > NAME_CHARS_MAX {
        return Err(NameError::TooLong(count));
    }
    let is_allowed = |c: char| match c {
        ' ' | '_' | '-' => true,
        c => c.is_alphanumeric() && in_basic_plane(c) && !is_blank_letter(c),
    };
    match name.chars().find(|&c| !is_allowed(c)) {
        Some(c) => Err(NameError::Character(c)),
        None => Ok(name),
    }
}

/// What two names have in common that pass for each other: they differ in case alone, or in blanks that a page shows as one.
///
/// ```
/// use lordofpomelo_world::text::name_key;
/// assert_eq!(name_key("Ann  Groß"), name_key("ANN GROSS"));
/// assert_ne!(name_key("Ann"), name_key("Änn"));
/// ```
#[must_use]
pub fn name_key(name: &str) -> String {
    // Capitals first: `ß` has them of two letters, and the Greek `ς` those of `σ`.
    one_blank_each(name).to_uppercase().to_lowercase()
}

/// The words with one blank between each.
fn one_blank_each(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The chat line as it is pushed: no tags, no control characters but line breaks, nothing that turns the direction of writing or is
/// not seen, no blanks before line breaks, nothing outside the basic plane, cut at [`CHAT_CHARS_MAX`], and `<`, `>`, `&` and quotes as entities. `None` if nothing is left.
///
/// ```
/// use lordofpomelo_world::text::chat_line;
/// assert_eq!(chat_line("<b>hi</b> & bye").as_deref(), Some("hi &amp; bye"));
/// assert_eq!(chat_line(" <br> "), None);
/// ```
#[must_use]
pub fn chat_line(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let is_shown = |c: char| in_basic_plane(c) && (c == '\n' || !c.is_control() && !is_unseen(c));
    for c in without_tags(text).chars().filter(|&c| is_shown(c)) {
        if c == '\n' {
            plain.truncate(plain.trim_end_matches(' ').len());
        }
        plain.push(c);
    }
    let plain = plain.trim();
    if plain.is_empty() {
        return None;
    }
    let mut line = String::with_capacity(plain.len());
    for c in plain.chars().take(CHAT_CHARS_MAX) {
        match c {
            '<' => line.push_str("&lt;"),
            '>' => line.push_str("&gt;"),
            '&' => line.push_str("&amp;"),
            '"' => line.push_str("&quot;"),
            '\'' => line.push_str("&#39;"),
            c => line.push(c),
        }
    }
    Some(line)
}

/// Drops everything from a `<` to the next `>`; a `<` without one stays (as an entity in the end).
fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        kept.push_str(&rest[..start]);
        rest = &rest[start + length + 1..];
    }
    kept.push_str(rest);
    kept
}

/// Marks without a picture of their own: they turn the direction of what follows, also of the lines of others, or hide in words.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Letters that look like nothing: a name of them could not be seen, or would pass for another.
fn is_blank_letter(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// The client's decoder knows one to three bytes a character.
fn in_basic_plane(c: char) -> bool {
    c.len_utf8() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_turns_the_direction_of_a_line_or_hides_in_it() {
        let line = "gold\u{202e}dlog \u{2067}x\u{200b}y\u{2028}z\u{feff}";
        assert_eq!(chat_line(line).as_deref(), Some("golddlog xyz"));
        assert_eq!(chat_line("\u{200f}\u{2066} \u{200d}"), None);
    }

    #[test]
    fn a_name_cannot_be_of_letters_that_are_not_seen() {
        for letter in ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'] {
            assert_eq!(name(&format!("ann{letter}")), Err(NameError::Character(letter)));
        }
        assert!(name("ann\u{202e}").is_err());
    }

    #[test]
    fn names_that_pass_for_each_other_have_the_same_key() {
        for (one, other) in
            [("Ann", "aNN"), ("a  b", "A b"), ("STRASSE", "straße"), ("ΟΔΟΣ", "οδος"), ("οδός", "ΟΔΌΣ")]
        {
            assert_eq!(name_key(one), name_key(other), "{one} {other}");
        }
        for (one, other) in [("ann", "an n"), ("ann", "anna"), ("小龙", "龙小"), ("a_b", "a-b")] {
            assert_ne!(name_key(one), name_key(other), "{one} {other}");
        }
    }

    #[test]
    fn names_of_any_script_pass_and_markup_does_not() {
        for good in ["bob", "Ån-na_2", "小龙女", "a b", "1234567890123456"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        assert_eq!(name("  bob   the  2nd ").as_deref(), Ok("bob the 2nd"));
        assert_eq!(name(" \t"), Err(NameError::Empty));
        assert_eq!(name("12345678901234567"), Err(NameError::TooLong(17)));
        for (bad, which) in
            [("<b>", '<'), ("a&b", '&'), ("a\"", '"'), ("a\nb", '\n'), ("𝒜", '𝒜'), ("😀", '😀')]
        {
            assert_eq!(name(bad), Err(NameError::Character(which)), "{bad}");
        }
    }

    /// D-18: the original removed HTML only partly.
    #[test]
    fn chat_is_harmless_as_html() {
        for (text, line) in [
            ("hello", "hello"),
            ("<script>alert(1)</script>", "alert(1)"),
            ("a < b", "a &lt; b"),
            ("<<b>x", "x"),
            ("say \"it's\" & go", "say &quot;it&#39;s&quot; &amp; go"),
            ("one  \ntwo", "one\ntwo"),
            ("bell\u{7}\u{0}!", "bell!"),
            ("smile 😀.", "smile ."),
            ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ] {
            assert_eq!(chat_line(text).as_deref(), Some(line), "{text:?}");
        }
    }

    #[test]
    fn chat_that_is_empty_after_cleaning_is_nothing_and_long_chat_is_cut() {
        assert_eq!(chat_line("<img src=x>"), None);
        assert_eq!(chat_line(" \n\u{1}"), None);
        let cut = chat_line(&"&".repeat(300)).unwrap();
        assert_eq!(cut, "&amp;".repeat(CHAT_CHARS_MAX));
    }

    proptest::proptest! {
        #[test]
        fn no_line_has_a_character_that_means_something_in_html(text in ".*") {
            if let Some(line) = chat_line(&text) {
                proptest::prop_assert!(!line.contains(['<', '>', '"', '\'']));
                proptest::prop_assert!(line.chars().all(|c| c.len_utf8() <= 3 && (c == '\n' || !c.is_control())));
                proptest::prop_assert!(line.split('&').skip(1).all(
                    |rest| ["lt;", "gt;", "amp;", "quot;", "#39;"].iter().any(|e| rest.starts_with(e))));
            }
        }
    }
}
