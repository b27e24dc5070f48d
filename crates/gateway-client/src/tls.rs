//! TLS with the system's root certificates, or with one pinned certificate.

use crate::identity::hex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// The SHA-256 of the certificate that a server offered last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offered(Arc<Mutex<Option<String>>>);

impl Offered {
    fn set(&self, certificate: &CertificateDer<'_>) -> String {
        let fingerprint = hex(&Sha256::digest(certificate));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint.clone());
        fingerprint
    }

    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A TLS configuration that trusts what the system trusts, or, with a pin, that one certificate and no other.
pub(crate) fn client_config(pin: Option<&str>, offered: Offered) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = match pin {
        Some(pin) => Trust::Pin(normalise(pin)),
        None => Trust::System(Arc::new(rustls_platform_verifier::Verifier::new(Arc::clone(
            &provider,
        ))?)),
    };
    let verifier = Verifier {
        trust,
        offered,
        provider: Arc::clone(&provider),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn normalise(pin: &str) -> String {
    pin.chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[derive(Debug)]
enum Trust {
    System(Arc<dyn ServerCertVerifier>),
    Pin(String),
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    offered: Offered,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = self.offered.set(end_entity);
        match &self.trust {
            Trust::System(system) => {
                system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Trust::Pin(pin) if *pin == fingerprint => Ok(ServerCertVerified::assertion()),
            Trust::Pin(_) => Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            )),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
