# Announces itself and its health; calls no other service.
service "writing-analysis" {
  policy = "write"
}

# Its own agent: version and datacenter, asked once when it starts.
agent_prefix "" {
  policy = "read"
}
