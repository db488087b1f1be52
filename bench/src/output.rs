//! Where results go: a table on the terminal, and files if they are asked for.

use std::{fs, path::PathBuf, thread::available_parallelism};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};

use crate::{plot, series::Series, table::render};

/// Files of results.
#[derive(Args)]
pub(crate) struct Output {
    /// Also write every measured time into this file.
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
    /// Also draw every measured time into this file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Output {
    /// The table; and the files, with `more` in the document.
    pub(crate) fn show(
        &self,
        title: &str,
        all: &[Series],
        original: Option<&Series>,
        more: Value,
    ) -> Result<()> {
        println!("\n{}", render(all, original).trim_end());
        let cases: Vec<_> = all.iter().chain(original).map(Series::to_json).collect();
        let mut document = json!({ "title": title, "machine": machine(), "cases": cases });
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
            document.extend(more);
        }
        self.write(&document)?;
        if let Some(file) = &self.plot {
            fs::write(file, plot::svg(title, all, original)).with_context(|| file.display().to_string())?;
        }
        Ok(())
    }

    /// The document alone, of what is no series of times.
    pub(crate) fn write(&self, document: &Value) -> Result<()> {
        if let Some(file) = &self.json {
            let text = serde_json::to_string_pretty(document)?;
            fs::write(file, text).with_context(|| file.display().to_string())?;
        }
        Ok(())
    }
}

/// What figures are worth nothing without.
fn machine() -> Value {
    let cores = available_parallelism().map_or(0, usize::from);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({ "cores": cores, "linux": release.trim() })
}
