# TLS between agents and servers, and on the HTTPS port: Consul 1.8 to 1.11. From 1.12 on: tls-from-1.12.hcl.

ca_file   = "/etc/consul.d/tls/ca.pem"
cert_file = "/etc/consul.d/tls/agent.pem"
key_file  = "/etc/consul.d/tls/agent-key.pem"

verify_incoming        = true
verify_outgoing        = true
verify_server_hostname = true
tls_min_version        = "tls12"
