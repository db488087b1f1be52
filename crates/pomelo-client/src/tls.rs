//! Whom a client trusts: the platform's authorities, those of a file, or anybody, which is for tests alone.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

/// Which certificates of servers are taken at `wss://` and `tls://`. Clones share what is kept of former connections, so that
/// the next one has half a handshake.
///
/// ```no_run
/// use pomelo_client::{Client, ClientOptions, Tls};
///
/// # async fn play() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = Tls::authorities("certificates/our-own.pem")?;
/// let client = Client::connect_with("wss://localhost:3050", ClientOptions { tls, ..Default::default() }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<Trust>);

enum Trust {
    /// The authorities of the platform, read when they are needed first.
    Platform(OnceLock<Arc<ClientConfig>>),
    These(Arc<ClientConfig>),
}

/// Certificates that can't be trusted because they can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of authorities.
    #[error("{}: expected certificates in PEM, {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// This machine has no authorities, or none that can be read.
    #[error("this machine has no certificates of authorities that can be read ({why}); give a file of them")]
    Platform {
        /// What is wrong.
        why: String,
    },
}

impl Tls {
    /// Trusts the authorities of this machine. This is the default; they are read at the first connection.
    pub fn platform() -> Self {
        Self(Arc::new(Trust::Platform(OnceLock::new())))
    }

    /// Trusts the authorities in this file of PEM alone. A self-signed certificate is an authority too, for itself.
    pub fn authorities(file: impl AsRef<Path>) -> Result<Self, TlsError> {
        let file = file.as_ref();
        let wrong = |why: String| TlsError::File { file: file.to_owned(), why };
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("found none".to_owned()));
        }
        Ok(Self(Arc::new(Trust::These(trusting(roots)))))
    }

    /// Trusts anybody: whoever is between can read and change everything. For tests on one machine, and nothing else.
    pub fn dangerous_trusting_anybody() -> Self {
        let config = builder().dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider())));
        Self(Arc::new(Trust::These(Arc::new(config.with_no_client_auth()))))
    }

    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let known = match &*self.0 {
            Trust::These(config) => return Ok(Arc::clone(config)),
            Trust::Platform(known) => known,
        };
        if let Some(config) = known.get() {
            return Ok(Arc::clone(config));
        }
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        // Old authorities that nobody can use any more are on many machines.
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map_or("there are none".to_owned(), ToString::to_string);
            return Err(TlsError::Platform { why });
        }
        Ok(Arc::clone(known.get_or_init(|| trusting(roots))))
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::platform()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Trust::Platform(_) => "Tls(platform)",
            Trust::These(_) => "Tls(given)",
        })
    }
}

fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    Arc::new(builder().with_root_certificates(roots).with_no_client_auth())
}

#[expect(clippy::expect_used, reason = "ring has the versions that this is compiled with")]
fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let builder = ClientConfig::builder_with_provider(provider());
    builder.with_safe_default_protocol_versions().expect("versions of the provider")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Asks for no certificate that anybody vouches for. Signatures are checked all the same: they are the server's own.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
