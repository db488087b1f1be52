//! `pomelo-cli` at a keyboard: prompt, history, completion.

use std::path::PathBuf;

use anyhow::Result;
use rustyline::{
    Config, Context, Editor, Helper, completion::Completer, error::ReadlineError, highlight::Highlighter,
    hint::Hinter, history::FileHistory, validate::Validator,
};

use crate::{
    console::{
        Console, Then,
        command::{COMMANDS, Entry, SHOWN},
    },
    style::Style,
};

/// Lines kept for the next time.
const HISTORY_LINES_MAX: usize = 1000;

/// Reads and answers lines until the user leaves.
pub async fn run(mut console: Console, username: &str) -> Result<()> {
    println!("Connected to the active master {}. Type `help` for what can be asked.", console.master());
    let config = Config::builder().max_history_size(HISTORY_LINES_MAX)?.auto_add_history(true).build();
    let mut editor: Editor<Words, FileHistory> = Editor::with_config(config)?;
    let history = history_file();
    if let Some(file) = &history {
        let _ = editor.load_history(file); // there is none the first time
    }
    loop {
        editor.set_helper(Some(Words { servers: console.known_servers().to_vec() }));
        let prompt = format!("{username}@pomelo : {}> ", console.context());
        // The line is read on a thread of its own, so that the link to the master stays alive meanwhile.
        let (returned, line) = tokio::task::spawn_blocking(move || {
            let line = editor.readline(&prompt);
            (editor, line)
        })
        .await?;
        editor = returned;
        match line {
            Ok(line) => match console.run(&line).await {
                Ok(Then::GoOn) => {}
                Ok(Then::Leave) => break,
                Err(e) => eprintln!("{} {e:#}", Style::for_stderr().red("error:")),
            },
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(e) => return Err(e.into()),
        }
    }
    if let Some(file) = &history {
        let _ = editor.save_history(file);
    }
    println!("bye {username}");
    Ok(())
}

/// `pomelo-cli/history` in the user's state directory, made if need be.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let dir = state.join("pomelo-cli");
    std::fs::create_dir_all(&dir).ok()?;
    Some(dir.join("history"))
}

/// What the Tab key offers.
struct Words {
    servers: Vec<String>,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&line[..pos], &self.servers))
    }
}

impl Helper for Words {}
impl Highlighter for Words {}
impl Hinter for Words {
    type Hint = String;
}
impl Validator for Words {}

/// Where the word at the end of `line` starts, and what it may become.
fn complete(line: &str, servers: &[String]) -> (usize, Vec<String>) {
    let start = line.rfind(' ').map_or(0, |space| space + 1);
    let before: Vec<&str> = line[..start].split_whitespace().collect();
    let mut choices: Vec<&str> = match before.as_slice() {
        [] | ["help"] => COMMANDS.iter().map(Entry::word).collect(),
        ["use"] => std::iter::once("all").chain(servers.iter().map(String::as_str)).collect(),
        ["show"] => SHOWN.to_vec(),
        ["stop" | "restart", ..] => servers.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    choices.dedup();
    (start, choices.into_iter().filter(|c| c.starts_with(&line[start..])).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_completes_commands_and_the_servers_seen_last() {
        let servers = ["chat-server-1".to_owned(), "connector-server-1".to_owned()];
        assert_eq!(complete("sh", &servers), (0, vec!["show".to_owned()]));
        assert_eq!(complete("show ", &servers), (5, SHOWN.map(str::to_owned).to_vec()));
        assert_eq!(complete("help add", &servers), (5, vec!["addCron".to_owned()]));
        assert_eq!(complete("restart ch", &servers), (8, vec!["chat-server-1".to_owned()]));
        assert_eq!(complete("use ch", &servers), (4, vec!["chat-server-1".to_owned()]));
        assert_eq!(complete("use nobody", &servers), (4, vec![]));
    }
}
