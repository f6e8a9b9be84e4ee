# The Consul agent on every machine that runs a part of Lyceum. Services speak to it on loopback only; it speaks TLS with
# the servers. Beside it lie one of tls-*.hcl and encrypt.hcl (README.md). Read by Consul 1.8 to 2.x.

datacenter  = "dc1"
data_dir    = "/var/lib/consul"
server      = false
bind_addr   = "{{ GetPrivateIP }}"
client_addr = "127.0.0.1"
retry_join  = ["consul-1.example", "consul-2.example", "consul-3.example"]
log_json    = true

# A changed note is seen at once in the pages; a heartbeat that repeats itself costs nothing either way.
check_update_interval = "0s"

ports {
  https = 8501
}

acl {
  enabled                  = true
  default_policy           = "deny"
  enable_token_persistence = true
  down_policy              = "extend-cache"
}

# A machine that is shut down leaves; one that dies is found out by its neighbours.
leave_on_terminate = true

limits {
  http_max_conns_per_client = 600
}

# Checks with commands would let whoever registers a service run programs here.
enable_script_checks       = false
enable_local_script_checks = false

telemetry {
  prometheus_retention_time = "5m"
  disable_hostname          = true
}
