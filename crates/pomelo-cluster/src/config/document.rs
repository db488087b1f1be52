//! One JSON file of the configuration, read so that every error knows its place: line, column and path.
//!
//! Not here: which files there are and what they mean.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::ConfigError;

/// A configuration is written by people; a bigger file is not one.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The text of one file, known to be JSON.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    file: PathBuf,
    text: String,
}

/// A part of a [`Document`]: one value in it, and how to get there.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    document: &'a Document,
    path: String,
    text: &'a str,
}

impl Document {
    /// Reads a file; `None` if it is not there.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, ConfigError> {
        let unreadable = |why: String| ConfigError::Unreadable { file: file.to_owned(), why };
        let opened = match fs::File::open(file) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unreadable(e.to_string())),
        };
        let mut bytes = Vec::new();
        opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(unreadable(format!("larger than {FILE_BYTES_MAX} bytes")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|e| unreadable(format!("byte {} is not UTF-8", e.utf8_error().valid_up_to())))?;
        Self::parse(file, text).map(Some)
    }

    /// Checks that a text is JSON.
    pub(crate) fn parse(file: &Path, mut text: String) -> Result<Self, ConfigError> {
        // Editors of another system put a byte order mark in front.
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        if let Err(e) = serde_json::from_str::<IgnoredAny>(&text) {
            let what = if text.trim().is_empty() { "the file is empty".to_owned() } else { message(&e) };
            let (line, column) = (e.line().max(1), e.column().max(1));
            return Err(ConfigError::Syntax { file: file.to_owned(), line, column, what });
        }
        Ok(Self { file: file.to_owned(), text })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The whole document.
    pub(crate) fn root(&self) -> Part<'_> {
        Part { document: self, path: String::new(), text: self.text.trim() }
    }
}

impl<'a> Part<'a> {
    /// This part as a value of a type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let mut json = serde_json::Deserializer::from_str(self.text);
        serde_path_to_error::deserialize(&mut json).map_err(|e| {
            let inner = e.path().to_string();
            self.wrong_at(&inner, e.inner())
        })
    }

    /// The members of this part, which must be an object without a key twice.
    pub(crate) fn members(&self) -> Result<Vec<(String, Part<'a>)>, ConfigError> {
        let mut json = serde_json::Deserializer::from_str(self.text);
        let Members(members) = Members::deserialize(&mut json).map_err(|e| self.wrong_at(".", &e))?;
        let part = |key: &str, text| Part { document: self.document, path: self.path(key), text };
        Ok(members.into_iter().map(|(key, raw)| (key.clone(), part(&key, raw.get()))).collect())
    }

    /// The file it is in.
    pub(crate) fn file(&self) -> &Path {
        &self.document.file
    }

    /// Its JSON.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether this part is an object.
    pub(crate) fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }

    /// Whether this part is an array.
    pub(crate) fn is_array(&self) -> bool {
        self.text.starts_with('[')
    }

    /// The path of something inside this part; `inner` is `[0].port`, or `.` for the part itself.
    pub(crate) fn path(&self, inner: &str) -> String {
        match (self.path.as_str(), inner) {
            ("", ".") => "the document".to_owned(),
            (path, ".") => path.to_owned(),
            ("", inner) => inner.to_owned(),
            (path, inner) if inner.starts_with('[') => format!("{path}{inner}"),
            (path, inner) => format!("{path}.{inner}"),
        }
    }

    /// An error about something in this part that no parser finds.
    pub(crate) fn conflict(&self, inner: &str, what: impl Into<String>) -> ConfigError {
        ConfigError::Conflict { file: self.document.file.clone(), path: self.path(inner), what: what.into() }
    }

    fn wrong_at(&self, inner: &str, error: &serde_json::Error) -> ConfigError {
        // The parser counts from the beginning of this part; the part is a slice of the document's text.
        let offset = self.text.as_ptr() as usize - self.document.text.as_ptr() as usize;
        let before = &self.document.text[..offset];
        let lines_before = before.matches('\n').count();
        let columns_before = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = (error.line().max(1), error.column().max(1));
        ConfigError::Wrong {
            file: self.document.file.clone(),
            line: lines_before + line,
            column: if line == 1 { columns_before + column } else { column },
            path: self.path(inner),
            what: message(error),
        }
    }
}

/// The parser's message without its own idea of the place, in the words of who writes JSON.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let wrong = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    if let Some((found, expected)) = wrong.and_then(|wrong| wrong.split_once(", expected ")) {
        return format!("expected {}, found {}", in_json(expected), in_json(found));
    }
    match text {
        "EOF while parsing a value" => "expected a value, found the end of the file".to_owned(),
        "expected value" => "expected a value".to_owned(),
        "key must be a string" => "expected a key in double quotes".to_owned(),
        "trailing comma" => "expected another value after the comma, or no comma".to_owned(),
        "trailing characters" => "expected the end of the file".to_owned(),
        _ => match text.strip_prefix("EOF while parsing ") {
            Some(open) => format!("expected the rest of {open}, found the end of the file"),
            None => text.to_owned(),
        },
    }
}

/// A type of the parser's as JSON calls it.
fn in_json(name: &str) -> &str {
    match name {
        "map" => "an object",
        "sequence" | "a sequence" => "a list",
        "u8" => "a number, 0 to 255",
        "u32" | "u64" => "a whole number",
        other => other,
    }
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    // JSON.parse keeps the last one in silence; half a configuration would be lost.
                    if members.iter().any(|(known, _)| *known == key) {
                        return Err(de::Error::custom(format!("{key:?} is there twice")));
                    }
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        d.deserialize_map(Visit)
    }
}
