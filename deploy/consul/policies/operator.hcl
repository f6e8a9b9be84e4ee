# For people: sees everything, sets policies, and registers nothing in a service's name.
service_prefix "" {
  policy = "read"
}

node_prefix "" {
  policy = "read"
}

agent_prefix "" {
  policy = "read"
}

# `lyceum policy`: how services are called and serve.
key_prefix "lyceum/policies/" {
  policy = "write"
}

# Whoever writes here makes API keys.
key_prefix "lyceum/keys/" {
  policy = "write"
}
