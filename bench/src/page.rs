//! Results as a part of a page that people read: what stands between two marks of it is replaced. Pure, but for [`Page::put`].

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

/// The page, if there is one.
#[derive(Args)]
pub(crate) struct Page {
    /// Also put the table into this page, between `<!-- bench NAME -->` and `<!-- end -->`.
    #[arg(long, value_name = "FILE.md")]
    into: Option<PathBuf>,
}

impl Page {
    /// Puts the table of the measurement `name` there.
    pub(crate) fn put(&self, name: &str, table: &str) -> Result<()> {
        let Some(file) = &self.into else { return Ok(()) };
        let page = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let page = replaced(&page, name, table)
            .with_context(|| format!("{} has no place for bench {name}", file.display()))?;
        fs::write(file, page).with_context(|| file.display().to_string())
    }
}

fn replaced(page: &str, name: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(&format!("<!-- bench {name} -->\n"))?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some(format!("{before}<!-- bench {name} -->\n{}\n<!-- end -->{after}", table.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = "a\n<!-- bench x -->\nold\n<!-- end -->\nb\n<!-- bench y -->\nstays\n<!-- end -->\n";
        let now = replaced(page, "x", "| new |\n").unwrap();
        assert_eq!(now, page.replace("old", "| new |"));
        assert_eq!(replaced(&now, "x", "| new |").unwrap(), now);
        assert_eq!(replaced(page, "z", ""), None);
    }
}
