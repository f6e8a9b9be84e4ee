# A Consul server for Lyceum in production: three or five of them. Beside it lie one of tls-*.hcl and encrypt.hcl
# (README.md). Read by Consul 1.8 to 2.x.

datacenter       = "dc1"
data_dir         = "/var/lib/consul"
server           = true
bootstrap_expect = 3
bind_addr        = "{{ GetPrivateIP }}"
client_addr      = "127.0.0.1"
retry_join       = ["consul-1.example", "consul-2.example", "consul-3.example"]
log_json         = true

ports {
  https = 8501
}

# Without these two lines anyone who reaches an agent may register as any service, read every address and, with Consul's
# CA, have a certificate minted for any name.
acl {
  enabled                  = true
  default_policy           = "deny"
  enable_token_persistence = true
  # A server that cannot reach the leader goes on with the rules it knows.
  down_policy = "extend-cache"
}

performance {
  # The default of 5 suits a laptop: elections would take five times as long.
  raft_multiplier = 1
}

limits {
  # One watch per service and process: 200 connections from one address are enough for about 60 processes a machine.
  http_max_conns_per_client = 600
}

telemetry {
  prometheus_retention_time = "5m"
  disable_hostname          = true
}
