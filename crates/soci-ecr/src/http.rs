//! What the AWS SDK speaks HTTP over: rustls on ring, trusting what the system trusts, through a proxy where the environment
//! names one.
//!
//! Addresses of this machine and of its link (the metadata services, which give an instance, a task or a pod its
//! credentials) are never reached through a proxy: the proxy would answer with its own, or not at all.

use std::net::IpAddr;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The client for all of AWS's services.
pub(crate) fn client() -> SharedHttpClient {
    SharedHttpClient::new(Client {
        direct: with_proxies(ProxyConfig::disabled()),
        proxied: with_proxies(ProxyConfig::from_env()),
    })
}

#[derive(Debug)]
struct Client<T> {
    direct: T,
    proxied: T,
}

fn with_proxies(proxies: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxies.clone());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build()
    })
}

impl HttpClient for Client<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Client {
            direct: self.direct.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Client<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match is_near(request.uri()) {
            true => self.direct.call(request),
            false => self.proxied.call(request),
        }
    }
}

/// Whether an address is one of this machine or its link, where the metadata services are.
fn is_near(address: &str) -> bool {
    let Ok(address) = address.parse::<http::Uri>() else {
        return false;
    };
    let host = address.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        // fd00:ec2::/32 is where instances and pods find theirs.
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.segments()[..2] == [0xfd00, 0xec2]
        }
        Err(_) => host == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_near_and_aws_is_not() {
        for near in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest",
            "http://[::1]:80/",
            "http://127.0.0.1:4566/",
            "http://localhost:5000/",
        ] {
            assert!(is_near(near), "{near}");
        }
        for far in [
            "https://api.ecr.us-east-1.amazonaws.com/",
            "https://169.254.169.254.example/",
            "https://10.0.0.1/",
            "https://[fd00:1::1]/",
            "",
        ] {
            assert!(!is_near(far), "{far}");
        }
    }
}
