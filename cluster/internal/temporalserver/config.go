package temporalserver

import (
	"cmp"
	"fmt"
	"path/filepath"
)

// config is that of one process. The ports are those of its parts, which speak to one
// another.
const config = `log: {stdout: true, level: %[10]s}
persistence:
  defaultStore: default
  visibilityStore: visibility
  numHistoryShards: 4
  datastores:
%[1]sglobal:
  membership: {maxJoinDuration: 30s, broadcastAddress: 127.0.0.1}
services:
  frontend: {rpc: {grpcPort: %[2]d, membershipPort: %[3]d, bindOnLocalHost: true}}
  matching: {rpc: {grpcPort: %[4]d, membershipPort: %[5]d, bindOnLocalHost: true}}
  history: {rpc: {grpcPort: %[6]d, membershipPort: %[7]d, bindOnLocalHost: true}}
  worker: {rpc: {grpcPort: %[8]d, membershipPort: %[9]d, bindOnLocalHost: true}}
clusterMetadata:
  enableGlobalNamespace: false
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "localhost:%[2]d"}
dcRedirectionPolicy: {policy: noop}
`

// sqlite has one file for both stores, and makes the schema by itself.
const sqlite = `    default: &store
      sql:
        pluginName: sqlite
        databaseName: %[1]q
        connectAddr: localhost
        connectProtocol: tcp
        connectAttributes: {cache: private, setup: true, journal_mode: wal, synchronous: 2}
        maxConns: 1
        maxIdleConns: 1
        maxConnLifetime: 1h
    visibility: *store
`

// postgres is a store in a database of PostgreSQL.
const postgres = `    %[1]s:
      sql:
        pluginName: postgres12
        databaseName: %[2]s
        connectAddr: %[3]q
        connectProtocol: tcp
        user: temporal
        password: ""
        maxConns: 10
        maxIdleConns: 10
        maxConnLifetime: 1h
`

func configuration(opts Options, ports []int) []byte {
	stores := fmt.Sprintf(sqlite, filepath.Join(opts.Dir, "engine.db"))
	if opts.Postgres != "" {
		stores = fmt.Sprintf(postgres, "default", "temporal", opts.Postgres) + fmt.Sprintf(postgres, "visibility", "temporal_visibility", opts.Postgres)
	}
	values := []any{stores}
	for _, port := range ports {
		values = append(values, port)
	}
	values = append(values, cmp.Or(opts.Log, "error"))
	return fmt.Appendf(nil, config, values...)
}
