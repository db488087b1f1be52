//! `cargo xtask bench abuse`: what clients that keep to the rules notice of others that do not. The same work as `load`'s 2,000 requests a
//! second, alone and beside each kind of misbehaviour; what the connector did about those is what it says itself when it ends.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};
use clap::Args;
use pomelo_testkit::{eventually, game::signal};
use rustix::process::{Signal, nice};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpSocket, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime,
    task::{JoinSet, LocalSet},
    time::sleep,
};

use super::{
    ECHO,
    connection::{ACK, DATA, HANDSHAKE, package},
    generator::{self, Measured, Work},
    system::System,
};
use crate::page::Page;

/// Clients that keep to the rules, and how many requests they send together.
const CLIENTS: usize = 1_000;
const PER_SECOND: f64 = 2_000.0;

/// What a client may send in a second, of which those who keep to the rules send a fiftieth.
const MESSAGES_MAX: u64 = 100;

/// Between the end of a connection and the next one of the same stranger.
const PAUSE: Duration = Duration::from_millis(50);

/// The least that a stranger who does not read lets the kernel hold for it.
const SMALL_BUFFER_BYTES: u32 = 4_096;

/// How niced strangers are: they do not sit at the server's machine, and share it here.
const NICE: i32 = 10;

/// How much text is in a request of one who does not read, and how often it asks.
const DEAF_BYTES: usize = 16 * 1_024;
const DEAF_PAUSE: Duration = Duration::from_millis(50);

/// How much text is in a request of one who floods, and how many of them leave at once.
const FLOOD_BYTES: usize = 64;
const AT_ONCE: usize = 32;

/// How much noise one says.
const NOISE_BYTES: usize = 1_000;

/// How long the connector may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to measure it.
#[derive(Args)]
pub(crate) struct Abuse {
    /// Only cases with this in their name.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// How long a measurement lasts; four times as long where the connector waits for heartbeats, which it does for a minute.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    seconds: f64,
    #[command(flatten)]
    page: Page,
}

/// What strangers do.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    strangers: usize,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    /// Say nothing at all.
    Silent,
    /// Shake hands and are never heard again.
    Gone,
    /// Ask for answers and read none.
    Deaf,
    /// Ask as fast as they are answered, and faster.
    Flood,
    /// Announce a message of 16 MB.
    Oversized,
    /// Speak no protocol, after a handshake.
    Malformed,
}

const CASES: [Case; 7] = [
    Case { name: "nobody else", strangers: 0, what: What::Silent },
    Case { name: "10,000 that never speak", strangers: 10_000, what: What::Silent },
    Case { name: "1,000 that vanish after the handshake", strangers: 1_000, what: What::Gone },
    Case { name: "100 that ask and never read", strangers: 100, what: What::Deaf },
    Case { name: "20 that flood with requests", strangers: 20, what: What::Flood },
    Case { name: "50 with messages of 16 MB", strangers: 50, what: What::Oversized },
    Case { name: "50 that send noise", strangers: 50, what: What::Malformed },
];

/// What became of the strangers.
#[derive(Default)]
struct Strangers {
    end: AtomicBool,
    /// Connections that were made.
    came: AtomicUsize,
    /// Connections that the server closed.
    closed: AtomicUsize,
}

impl Abuse {
    pub(crate) async fn run(self) -> Result<()> {
        let mut rows = Vec::new();
        for case in CASES.iter().filter(|case| case.name.contains(&self.only)) {
            println!("beside {}", case.name);
            rows.push(self.measure(case).await?);
        }
        let table = table(&rows);
        println!("\n{table}");
        self.page.put("abuse", &table)
    }

    async fn measure(&self, case: &Case) -> Result<Vec<String>> {
        let system = System::ours(&[(0, "max-messages-per-second", MESSAGES_MAX)]).await?;
        let connector = &system.connectors[0];
        let strangers = Arc::new(Strangers::default());
        let playing = thread::spawn({
            let (strangers, case, addr) = (Arc::clone(&strangers), *case, connector.addr.clone());
            move || play(&case, &addr, &strangers)
        });
        let seconds = if case.what == What::Gone { self.seconds * 4.0 } else { self.seconds };
        let work = Work::EchoAt { route: ECHO, per_second: PER_SECOND };
        let (addrs, servers) = ([connector.addr.as_str()], [connector.process.clone()]);
        let run = generator::run(work, &addrs, CLIENTS, seconds, &servers, None);
        let measured = LocalSet::new().run_until(run).await?;
        strangers.end.store(true, Relaxed);
        playing.join().map_err(|_| anyhow!("the strangers panicked"))??;
        signal(connector.process.pid, Signal::TERM)?;
        let why = eventually("the connector says what it counted", PATIENCE, async || system.counted()).await;
        Ok(row(case, &measured, &strangers, &why))
    }
}

fn table(rows: &[Vec<String>]) -> String {
    let heads = [
        "beside",
        "p50 ms",
        "p99 ms",
        "answered",
        "lost",
        "connector, cores",
        "came",
        "closed",
        "as the connector counts them",
    ];
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&heads.map(str::to_owned)) + &line(&heads.map(|_| "---".to_owned()));
    text.extend(rows.iter().map(|row| line(row)));
    text
}

fn row(case: &Case, measured: &Measured, strangers: &Strangers, why: &str) -> Vec<String> {
    let ms = |p| {
        measured.percentile(p).map_or_else(String::new, |time| format!("{:.2}", time.as_secs_f64() * 1e3))
    };
    vec![
        case.name.to_owned(),
        ms(50),
        ms(99),
        format!("{:.0}", measured.units),
        measured.errors.to_string(),
        format!("{:.2}", measured.used[0].cpu / measured.seconds),
        strangers.came.load(Relaxed).to_string(),
        strangers.closed.load(Relaxed).to_string(),
        why.to_owned(),
    ]
}

/// On a thread of its own: who measures is not in its way.
fn play(case: &Case, addr: &str, strangers: &Arc<Strangers>) -> Result<()> {
    // On Linux that of this thread.
    nice(NICE)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..case.strangers {
            let (strangers, addr, what) = (Arc::clone(strangers), addr.to_owned(), case.what);
            tasks.spawn(async move {
                loop {
                    if let Ok(socket) = connect(what, &addr).await {
                        strangers.came.fetch_add(1, Relaxed);
                        // It has no other end than that of the connection.
                        let _ = misbehave(what, socket).await;
                        strangers.closed.fetch_add(1, Relaxed);
                    }
                    sleep(PAUSE).await;
                }
            });
        }
        while !strangers.end.load(Relaxed) {
            sleep(PAUSE).await;
        }
        tasks.shutdown().await;
    });
    Ok(())
}

async fn connect(what: What, addr: &str) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if what == What::Deaf {
        socket.set_recv_buffer_size(SMALL_BUFFER_BYTES)?;
    }
    socket.connect(addr.parse().map_err(io::Error::other)?).await
}

/// Until the server closes the connection.
async fn misbehave(what: What, mut socket: TcpStream) -> io::Result<()> {
    if what != What::Silent {
        let hello = package(HANDSHAKE, br#"{"sys":{"type":"stranger","version":"1.0.0"}}"#);
        socket.write_all(&hello).await?;
        let mut head = [0; 4];
        socket.read_exact(&mut head).await?;
        let bytes = u32::from_be_bytes([0, head[1], head[2], head[3]]);
        socket.read_exact(&mut vec![0; bytes as usize]).await?;
        socket.write_all(&package(ACK, b"")).await?;
    }
    let (mut reader, mut writer) = socket.split();
    let mut last_words = async |bytes: &[u8]| {
        writer.write_all(bytes).await?;
        read_all(&mut reader).await
    };
    match what {
        What::Silent | What::Gone => read_all(&mut reader).await,
        What::Deaf => loop {
            writer.write_all(&request(DEAF_BYTES)).await?;
            sleep(DEAF_PAUSE).await;
        },
        What::Flood => {
            tokio::select! {
                ended = flood(&mut writer) => ended,
                ended = read_all(&mut reader) => ended,
            }
        }
        What::Oversized => last_words(&[DATA, 0xff, 0xff, 0xff]).await,
        What::Malformed => last_words(&noise()).await,
    }
}

async fn read_all(reader: &mut ReadHalf<'_>) -> io::Result<()> {
    tokio::io::copy(reader, &mut tokio::io::sink()).await.map(drop)
}

async fn flood(writer: &mut WriteHalf<'_>) -> io::Result<()> {
    let requests = request(FLOOD_BYTES).repeat(AT_ONCE);
    loop {
        writer.write_all(&requests).await?;
    }
}

/// A package that asks for an echo of so much text.
fn request(text_bytes: usize) -> Vec<u8> {
    let body = json!({ "msg": "x".repeat(text_bytes) }).to_string();
    let route = [&[ECHO.len() as u8], ECHO.as_bytes()].concat();
    package(DATA, &[&[0, 1][..], &route, body.as_bytes()].concat())
}

/// Bytes without any meaning, others each time.
fn noise() -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..)).take(NOISE_BYTES).collect()
}
