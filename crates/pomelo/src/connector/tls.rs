//! The certificate that a connector shows: read, checked, and read again when its files have changed.
//!
//! A new certificate is for new connections; those that are open go on with the one they began with. What is no usable
//! certificate changes nothing and is said in the log. Not here: the encryption ([`super::secure`]).

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use tokio::time::{MissedTickBehavior, interval};

use super::{fault::Fault, secure::Secured};

/// How often is looked whether the files have changed.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The largest file that is read; a chain of certificates has a few KiB.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a certificate is made from, and who may do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// PEM: the server's own certificate first, then those that lead to its authority.
    pub(crate) cert: PathBuf,
    /// PEM: its private key, not encrypted.
    pub(crate) key: PathBuf,
    /// Whether clients may also connect in the clear, on the same port.
    pub(crate) plain_too: bool,
}

/// A certificate that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file that can't be read.
    #[error("{}: cannot be read: {why}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A file that is not PEM, or has something else in it.
    #[error("{}: expected {expected}, {found}", file.display())]
    Wrong {
        /// Which file.
        file: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// What is wrong.
        found: String,
    },
    /// A key of another certificate.
    #[error("the key in {} is not the one of the certificate in {}", key.display(), cert.display())]
    OtherKey {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A certificate or key of a kind that is not known.
    #[error("{} with {}: {why}", cert.display(), key.display())]
    Unusable {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        why: String,
    },
}

const CERTIFICATES: &str =
    "certificates in PEM (\"BEGIN CERTIFICATE\"), the server's own first and the intermediate ones behind it";
const KEY: &str = "a private key in PEM, not encrypted (\"BEGIN PRIVATE KEY\", \"BEGIN RSA PRIVATE KEY\" or \"BEGIN EC PRIVATE KEY\")";

/// The certificate in use.
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

/// By which a change of a file is noticed; also of one behind a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp(Option<(i64, i64, u64, u64)>);

impl Tls {
    /// Reads and checks the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// Whether clients may connect in the clear, too.
    pub(super) fn plain_too(&self) -> bool {
        self.files.plain_too
    }

    /// A new connection, with the certificate of now.
    pub(super) fn accept(&self) -> Result<Secured, Fault> {
        Secured::new(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Reads the files again whenever they have changed; for ever.
    pub(super) async fn watch(&self) {
        let mut known = self.stamps();
        let mut ticks = interval(RELOAD_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Two looks at a disk every few seconds are no reason for a thread.
            let now = self.stamps();
            // A certificate and its key are two files: the second may change a moment after the first.
            if now != known {
                known = now;
                self.reload();
            }
        }
    }

    fn reload(&self) {
        let cert = self.files.cert.display();
        match read(&self.files) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                tracing::info!(%cert, "new TLS certificate, for connections from now on");
            }
            Err(error) => {
                tracing::error!(%cert, %error, "the new TLS certificate can't be used, the former one stays");
            }
        }
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.files.cert, &self.files.key].map(|file| {
            let stamp = |data: fs::Metadata| (data.mtime(), data.mtime_nsec(), data.ino(), data.size());
            Stamp(fs::metadata(file).ok().map(stamp))
        })
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let TlsFiles { cert, key, .. } = files;
    let pem = read_file(cert)?;
    let wrong =
        |file: &Path, expected, found: String| TlsError::Wrong { file: file.to_owned(), expected, found };
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong(cert, CERTIFICATES, in_words(&error)))?;
    if chain.is_empty() {
        return Err(wrong(cert, CERTIFICATES, "found none".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&read_file(key)?);
    let private = private.map_err(|error| wrong(key, KEY, in_words(&error)))?;
    let unusable = |error: rustls::Error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::OtherKey { cert: cert.clone(), key: key.clone() },
        error => TlsError::Unusable { cert: cert.clone(), key: key.clone(), why: error.to_string() },
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    // Clients that come back do with half a handshake. What they need for that is kept by them, and ends with the
    // certificate: nobody gets around a new one.
    config.ticketer = ring::Ticketer::new().map_err(unusable)?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read_file(file: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable =
        |error: io::Error| TlsError::Unreadable { file: file.to_owned(), why: error.to_string() };
    let bytes = fs::metadata(file).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        let why = format!("it has {bytes} bytes, at most {FILE_BYTES_MAX} are read");
        return Err(TlsError::Unreadable { file: file.to_owned(), why });
    }
    fs::read(file).map_err(unreadable)
}

fn in_words(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "found none".to_owned(),
        error => format!("found something else: {error}"),
    }
}
