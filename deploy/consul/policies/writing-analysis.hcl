# Announces itself and its health; calls no other service.
service "writing-analysis" {
  policy = "write"
}

# Its own agent: version and datacenter, asked once when it starts.
agent_prefix "" {
  policy = "read"
}

# How services are called and serve, which operators change while everything runs (docs/resilience.md).
key_prefix "lyceum/policies/" {
  policy = "read"
}
