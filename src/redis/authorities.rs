//! Whose certificates are taken from a Redis or a sentinel that speaks TLS.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The authorities whose certificates are taken from a Redis or a sentinel, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(Arc<[u8]>);

impl Authorities {
    /// Those of a file; an error says what is wrong with it.
    pub fn read(path: &str) -> Result<Self, String> {
        let pem = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
        let mut known = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| format!("it is no PEM file: {error}"))?;
            known.add(certificate).map_err(|error| format!("a certificate in it is none: {error}"))?;
        }
        if known.is_empty() {
            return Err(
                "there is no certificate in it, which begins with -----BEGIN CERTIFICATE-----".to_owned()
            );
        }
        Ok(Self(pem.into()))
    }

    pub fn pem(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes of certificates)", self.0.len())
    }
}
