// Envoy's configuration: grpc_web and grpc_json_transcoder before the fabric's own instances, over mutual TLS.

const type = (name) => `type.googleapis.com/${name}`;

/** Listens on `port`; `services` is a map from `package.Service` to the address that serves it. */
export function configuration(port, services, operator, descriptors) {
  const names = Object.keys(services);
  const filter = (name, message, rest = {}) => ({
    name: `envoy.filters.http.${name}`,
    typed_config: { "@type": type(`envoy.extensions.filters.http.${name}.v3.${message}`), ...rest },
  });
  const transcoder = {
    proto_descriptor: descriptors,
    services: names,
    auto_mapping: true,
    convert_grpc_status: true,
    print_options: { always_print_primitive_fields: false },
  };
  return {
    static_resources: {
      listeners: [
        {
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.http_connection_manager",
                  typed_config: {
                    "@type": type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
                    stat_prefix: "edge",
                    codec_type: "AUTO",
                    stream_idle_timeout: "0s",
                    route_config: {
                      virtual_hosts: [
                        {
                          name: "all",
                          domains: ["*"],
                          routes: names.map((name) => ({ match: { prefix: `/${name}/` }, route: { cluster: name, timeout: "0s" } })),
                        },
                      ],
                    },
                    http_filters: [
                      filter("grpc_web", "GrpcWeb"),
                      filter("grpc_json_transcoder", "GrpcJsonTranscoder", transcoder),
                      filter("router", "Router"),
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: names.map((name) => cluster(name, services[name], operator)),
    },
  };
}

function cluster(name, address, operator) {
  const file = (filename) => ({ filename });
  const [host, port] = address.split(":");
  const endpoint = { address: { socket_address: { address: host, port_value: Number(port) } } };
  return {
    name,
    type: "STATIC",
    connect_timeout: "2s",
    // Its usual limit is 1,024 requests at a time.
    circuit_breakers: { thresholds: [{ max_requests: 100_000, max_pending_requests: 100_000 }] },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": type("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": type("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
        common_tls_context: {
          alpn_protocols: ["h2"],
          tls_certificates: [{ certificate_chain: file(operator.certificate), private_key: file(operator.key) }],
          validation_context: { trusted_ca: file(operator.roots) },
        },
      },
    },
  };
}
