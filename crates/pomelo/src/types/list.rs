//! The table for people and scripts: what `pomelo routes` prints.

use super::table::{Kind, Row, Table};

/// A message a line, in columns.
pub(super) fn text(table: &Table) -> String {
    let width = table.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    table
        .rows
        .iter()
        .map(|row| {
            let kind = match row.kind {
                Kind::Route => "route",
                Kind::Remote => "remote",
                Kind::Push => "push",
            };
            let line = format!("{kind:<6} {:<width$} {}", row.name, types(row));
            format!("{}\n", line.trim_end())
        })
        .collect()
}

/// A list of `{"kind":"route","name":"chat.chatHandler.send","req":"Say","res":"()"}`.
pub(super) fn json(table: &Table) -> String {
    // Texts always make JSON.
    let rows = serde_json::to_string_pretty(&table.rows).unwrap_or_default();
    format!("{rows}\n")
}

fn types(row: &Row) -> String {
    match (&row.req, &row.res) {
        (Some(req), Some(res)) => format!("{req} -> {res}"),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => "?".to_owned(),
    }
}
