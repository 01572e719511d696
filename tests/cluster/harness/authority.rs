//! An authority of a test's own, and certificates signed by it, as files.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::host::Host;

/// An authority.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// The files of a certificate and its key.
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one by this name.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut of = CertificateParams::new(Vec::new()).expect("no names");
        of.distinguished_name.push(DnType::CommonName, name);
        of.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = of.self_signed(&key).expect("a certificate");
        fs::write(folder.path().join("authority.pem"), own.pem()).expect("a file");
        Self { folder, issuer: Issuer::new(of, key) }
    }

    /// The file with its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A certificate for a name or an address.
    pub fn certify(&self, name: &str) -> Certificate {
        self.sign(name, "good", |_| {})
    }

    /// One that was good until some years ago.
    pub fn certify_once(&self, name: &str) -> Certificate {
        self.sign(name, "expired", |of| of.not_after = date_time_ymd(2_021, 1, 1))
    }

    fn sign(&self, name: &str, file: &str, change: impl Fn(&mut CertificateParams)) -> Certificate {
        let mut of = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        // One with the name of whoever signed it would be taken for that one's own.
        of.distinguished_name.push(DnType::CommonName, name);
        of.not_before = date_time_ymd(2_020, 1, 1);
        change(&mut of);
        let key = KeyPair::generate().expect("a key");
        let signed = of.signed_by(&key, &self.issuer).expect("a certificate");
        let at = |ending: &str| self.folder.path().join(format!("{name}-{file}.{ending}"));
        let files = Certificate { certificate: at("pem"), key: at("key") };
        fs::write(&files.certificate, signed.pem()).expect("a file");
        fs::write(&files.key, key.serialize_pem()).expect("a file");
        files
    }

    /// This machine, on which each Redis and each sentinel speaks TLS only.
    pub fn host(&self) -> Host {
        let host = Host::here();
        let Certificate { certificate, key } = self.certify(&host.address.to_string());
        host.with("REDIS_TLS_CERT", certificate).with("REDIS_TLS_KEY", key).with("REDIS_TLS_CA", self.file())
    }
}
