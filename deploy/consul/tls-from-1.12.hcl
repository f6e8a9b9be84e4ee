# TLS between agents and servers, and on the HTTPS port: Consul 1.12 and later. Before: tls-before-1.12.hcl.

tls {
  defaults {
    ca_file         = "/etc/consul.d/tls/ca.pem"
    cert_file       = "/etc/consul.d/tls/agent.pem"
    key_file        = "/etc/consul.d/tls/agent-key.pem"
    verify_incoming = true
    verify_outgoing = true
    tls_min_version = "TLSv1_2"
  }

  internal_rpc {
    verify_server_hostname = true
  }
}
