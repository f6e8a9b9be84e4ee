# Announces itself; finds every service, also those that do not exist yet: a new one needs no new gateway.
service "gateway" {
  policy = "write"
}

service_prefix "" {
  policy = "read"
}

node_prefix "" {
  policy = "read"
}

agent_prefix "" {
  policy = "read"
}

# How services are called and serve, which operators change while everything runs (docs/resilience.md).
key_prefix "lyceum/policies/" {
  policy = "read"
}

# What callers used of their day, counted by all gateways together (docs/gateway/limits.md).
key_prefix "lyceum/quota/" {
  policy = "write"
}

# API keys, without their secrets: `lyceum key` makes them.
key_prefix "lyceum/keys/" {
  policy = "read"
}

# Sessions that were ended before their time.
key_prefix "lyceum/sessions/" {
  policy = "write"
}
