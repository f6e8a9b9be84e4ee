# Announces itself and its health; finds writing-analysis, which DecideAccess calls.
service "ai-validator" {
  policy = "write"
}

service "writing-analysis" {
  policy = "read"
}

# An instance's health includes that of its node: when a machine dies, only the node's check says so.
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
