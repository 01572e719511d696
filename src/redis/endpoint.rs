//! How to connect to one Redis or one sentinel.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates,
};

use super::authorities::Authorities;
use super::url::{HostPort, Login};

/// How to come in at each Redis, or at each sentinel, of a group; cheap to clone.
#[derive(Debug, Clone)]
pub struct Access(Arc<ConnectionInfo>);

impl Access {
    /// By what a URL gives; a password without a name is that of this user.
    pub fn new(login: &Login, user: Option<&str>, authorities: Option<&Authorities>) -> Self {
        let mut greeting = RedisConnectionInfo::default();
        if let Some(password) = &login.password {
            greeting = greeting.set_password(password.reveal());
            if let Some(name) = login.username.as_deref().or(user) {
                greeting = greeting.set_username(name);
            }
        }
        let (host, port) = (String::new(), 0);
        let address = if login.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let info = address.into_connection_info().expect("an address is a whole connection info");
        // Without it the kernel holds small commands back for up to 40 ms.
        let info =
            info.set_redis_settings(greeting).set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let Some(authorities) = authorities.filter(|_| login.tls) else { return Self(Arc::new(info)) };
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(authorities.pem().to_vec()) };
        let client = Client::build_with_tls(info, certificates);
        Self(Arc::new(client.expect("they were tried when they were read").get_connection_info().clone()))
    }

    pub fn at(&self, HostPort { host, port }: HostPort) -> At {
        let address = match self.0.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        At(ConnectionInfo::clone(&self.0).set_addr(address))
    }

    pub fn at_socket(&self, path: PathBuf) -> At {
        At(ConnectionInfo::clone(&self.0).set_addr(ConnectionAddr::Unix(path)))
    }
}

/// One Redis or one sentinel: where it is, and how to come in.
#[derive(Debug, Clone)]
pub struct At(ConnectionInfo);

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

/// For people, and as [`HostPort::parse`] reads it.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host() {
            Some(host) => host.fmt(f),
            None => self.address().fmt(f),
        }
    }
}

impl At {
    pub fn info(&self) -> &ConnectionInfo {
        &self.0
    }

    pub fn address(&self) -> &ConnectionAddr {
        self.0.addr()
    }

    /// Whether TLS is spoken there.
    pub fn is_tls(&self) -> bool {
        matches!(self.address(), ConnectionAddr::TcpTls { .. })
    }

    /// Its host and port, if it is in the network.
    pub fn host(&self) -> Option<HostPort> {
        match self.address() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some(HostPort { host: host.clone(), port: *port })
            }
            _ => None,
        }
    }
}
