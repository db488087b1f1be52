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
    /// What was known of the files before they were read first.
    loaded: Stamps,
}

/// By which a change of a file is noticed; also of one behind a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    /// Goes on also when the other time is set back.
    changed: (i64, i64),
    inode: u64,
    bytes: u64,
}

/// Of the certificate and its key; none of a file that is not there.
type Stamps = [Option<Stamp>; 2];

/// Decides when the files are to be read again, and what is worth a line in the log.
struct Watch {
    /// Of the files that were read last and were good, as they were before that.
    known: Stamps,
    /// What the log says is wrong with them now.
    told: Option<TlsError>,
}

impl Watch {
    fn new(known: Stamps) -> Self {
        Self { known, told: None }
    }

    /// Reads the files if they are not those that were read: again and again while they can't be used, since what is wrong
    /// need not be the files' fault. `now` was looked up before. None if there is nothing new to say.
    fn look<T>(
        &mut self,
        now: Stamps,
        read: impl FnOnce() -> Result<T, TlsError>,
    ) -> Option<Result<T, TlsError>> {
        if now == self.known {
            self.told = None;
            return None;
        }
        match read() {
            Ok(new) => {
                *self = Self::new(now);
                Some(Ok(new))
            }
            Err(error) if self.told.as_ref() == Some(&error) => None,
            Err(error) => {
                self.told = Some(error.clone());
                Some(Err(error))
            }
        }
    }
}

impl Tls {
    /// Reads and checks the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        // Before they are read: what changes meanwhile is read again.
        let loaded = stamps(&files);
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current, loaded })
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
        let cert = self.files.cert.display();
        let mut watch = Watch::new(self.loaded.clone());
        let mut ticks = interval(RELOAD_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Two looks at a disk every few seconds are no reason for a thread. A certificate and its key are two files:
            // the second may change a moment after the first.
            match watch.look(stamps(&self.files), || read(&self.files)) {
                None => {}
                Some(Ok(config)) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                    tracing::info!(%cert, "new TLS certificate, for connections from now on");
                }
                Some(Err(error)) => {
                    tracing::error!(%cert, %error, "the new TLS certificate can't be used, the former one stays");
                }
            }
        }
    }
}

fn stamps(files: &TlsFiles) -> Stamps {
    [&files.cert, &files.key].map(|file| {
        let data = fs::metadata(file).ok()?;
        Some(Stamp {
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
            inode: data.ino(),
            bytes: data.size(),
        })
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(changed: i64) -> Stamps {
        [1, 2].map(|inode| Some(Stamp { modified: (0, 0), changed: (changed, 0), inode, bytes: 1 }))
    }

    fn bad(why: &str) -> TlsError {
        TlsError::Unreadable { file: "key.pem".into(), why: why.to_owned() }
    }

    #[test]
    fn files_that_have_not_changed_are_not_read() {
        let mut watch = Watch::new(stamped(1));
        assert_eq!(watch.look(stamped(1), || -> Result<(), _> { panic!("it was read") }), None);
    }

    #[test]
    fn what_could_not_be_used_is_tried_again_without_another_change_and_told_once() {
        let mut watch = Watch::new(stamped(1));
        let no_files = || Err::<u8, _>(bad("too many open files"));
        assert_eq!(watch.look(stamped(2), no_files), Some(no_files()));
        assert_eq!(watch.look(stamped(2), no_files), None, "it is known");
        let denied = || Err::<u8, _>(bad("denied"));
        assert_eq!(watch.look(stamped(2), denied), Some(denied()));
        assert_eq!(watch.look(stamped(2), || Ok(7)), Some(Ok(7)));
        assert_eq!(watch.look(stamped(2), || Ok(8)), None, "it is the one in use");
        assert_eq!(watch.look(stamped(3), no_files), Some(no_files()), "told again for another change");
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_read_again() {
        let mut watch = Watch::new(stamped(1));
        // Looked up before, and changed since.
        assert_eq!(watch.look(stamped(2), || Ok("the former half")), Some(Ok("the former half")));
        assert_eq!(watch.look(stamped(3), || Ok("all of it")), Some(Ok("all of it")));
    }
}
