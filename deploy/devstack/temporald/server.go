// Package temporald runs a complete Temporal server (frontend, history, matching, worker) and its web UI in this process,
// on SQLite: for development and single machines. Its state is one file, which no other server version may open.
package temporald

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

const (
	ip       = "127.0.0.1"
	cluster0 = "active"
)

// Options says where the server listens and keeps its state. All ports are on the loopback interface and must be free.
type Options struct {
	Port      int    // gRPC frontend
	UIPort    int    // web UI; 0 means none
	DBFile    string // SQLite file; "" means in memory
	Namespace string
}

// A Server is a running Temporal server.
type Server struct {
	srv    temporal.Server
	stopUI func()
	// Address is host:port of the gRPC frontend.
	Address string
}

// Start returns when the server serves; it takes about 0.3 s.
func Start(o Options) (*Server, error) {
	sqlc, err := database(o.DBFile)
	if err != nil {
		return nil, err
	}
	ns, err := sqlite.NewNamespaceConfig(cluster0, o.Namespace, false, nil)
	if err != nil {
		return nil, fmt.Errorf("temporal namespace %s: %w", o.Namespace, err)
	}
	if err := sqlite.CreateNamespaces(sqlc, ns); err != nil {
		return nil, fmt.Errorf("temporal namespace %s in %s: %w", o.Namespace, o.DBFile, err)
	}
	c, err := serverConfig(o, sqlc)
	if err != nil {
		return nil, err
	}
	srv, err := newServer(c)
	if err != nil {
		return nil, fmt.Errorf("temporal server: %w", err)
	}
	if err := srv.Start(); err != nil {
		return nil, fmt.Errorf("start temporal server: %w", err)
	}
	s := &Server{srv: srv, Address: net.JoinHostPort(ip, strconv.Itoa(o.Port))}
	if o.UIPort > 0 {
		s.stopUI = startUI(o)
	}
	return s, nil
}

// Stop ends the server. Stop every worker and close every client first.
func (s *Server) Stop() error {
	if s.stopUI != nil {
		s.stopUI()
	}
	return s.srv.Stop()
}

// database opens or creates the SQLite file, and refuses one that another server version wrote: such files are not migrated,
// and some features would hang on them without a word.
func database(file string) (*config.SQL, error) {
	c := &config.SQL{PluginName: sqliteplugin.PluginName}
	if file == "" {
		c.ConnectAttributes = map[string]string{"mode": "memory", "cache": "shared"}
		c.DatabaseName = strconv.FormatUint(rand.Uint64(), 36)
		return c, nil // the plugin sets up the schema of a memory database itself
	}
	c.ConnectAttributes = map[string]string{"mode": "rwc", "journal_mode": "wal", "synchronous": "normal", "busy_timeout": "10000"}
	c.DatabaseName = file
	stamp, unfinished := file+".version", file+".unfinished"
	if _, err := os.Stat(unfinished); err == nil { // ended while it was made: nothing is in it
		for _, f := range []string{file, file + "-wal", file + "-shm", stamp} {
			if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	if _, err := os.Stat(file); err == nil {
		b, err := os.ReadFile(stamp)
		if was := strings.TrimSpace(string(b)); err != nil || was != headers.ServerVersion {
			return nil, fmt.Errorf("%s was written by Temporal server %q, this is %s: move it away to start fresh, or run the older temper", file, was, headers.ServerVersion)
		}
		return c, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(unfinished, nil, 0o644); err != nil {
		return nil, err
	}
	if err := sqlite.SetupSchema(c); err != nil {
		return nil, fmt.Errorf("set up schema in %s: %w", file, err)
	}
	if err := os.WriteFile(stamp, []byte(headers.ServerVersion+"\n"), 0o644); err != nil {
		return nil, err
	}
	return c, os.Remove(unfinished)
}

func serverConfig(o Options, sqlc *config.SQL) (*config.Config, error) {
	inner, err := FreePorts(4)
	if err != nil {
		return nil, err
	}
	service := func(grpc, http int) config.Service {
		var s config.Service
		s.RPC.BindOnIP, s.RPC.GRPCPort, s.RPC.HTTPPort = ip, grpc, http
		return s
	}
	c := &config.Config{}
	c.Global.Membership.MaxJoinDuration = 30 * time.Second
	c.Global.Membership.BroadcastAddress = ip
	c.Persistence.DefaultStore, c.Persistence.VisibilityStore = "sqlite", "sqlite"
	c.Persistence.NumHistoryShards = 1
	c.Persistence.DataStores = map[string]config.DataStore{"sqlite": {SQL: sqlc}}
	address := net.JoinHostPort(ip, strconv.Itoa(o.Port))
	c.ClusterMetadata = &cluster.Config{
		FailoverVersionIncrement: 10, MasterClusterName: cluster0, CurrentClusterName: cluster0,
		ClusterInformation: map[string]cluster.ClusterInformation{cluster0: {
			Enabled: true, InitialFailoverVersion: 1, RPCAddress: address,
			HTTPAddress: net.JoinHostPort(ip, strconv.Itoa(inner[3])),
			ClusterID:   "6f3f5c1e-0000-4000-8000-000000000001",
		}},
	}
	c.DCRedirectionPolicy.Policy = "noop"
	c.Services = map[string]config.Service{
		"frontend": service(o.Port, inner[3]),
		"history":  service(inner[0], 0), "matching": service(inner[1], 0), "worker": service(inner[2], 0),
	}
	c.Archival.History.State, c.Archival.Visibility.State = "disabled", "disabled"
	c.NamespaceDefaults.Archival.History.State, c.NamespaceDefaults.Archival.Visibility.State = "disabled", "disabled"
	c.PublicClient.HostPort = address
	return c, nil
}

func newServer(c *config.Config) (temporal.Server, error) {
	logger := log.NewNoopLogger()
	hosts := map[primitives.ServiceName]static.Hosts{}
	for _, s := range []primitives.ServiceName{primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService} {
		hosts[s] = static.SingleLocalHost(fmt.Sprintf("%s:%d", ip, c.Services[string(s)].RPC.GRPCPort))
	}
	authz, err := authorization.GetAuthorizerFromConfig(&c.Global.Authorization)
	if err != nil {
		return nil, err
	}
	claims, err := authorization.GetClaimMapperFromConfig(&c.Global.Authorization, logger)
	if err != nil {
		return nil, err
	}
	return temporal.NewServer(
		temporal.WithConfig(c),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authz),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			// One partition: with more, a lone worker waits for forwarded tasks.
			dynamicconfig.MakeKey("matching.numTaskqueueReadPartitions"):     1,
			dynamicconfig.MakeKey("matching.numTaskqueueWritePartitions"):    1,
			dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key():      true,
			dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
		}),
	)
}

// FreePorts returns n different free ports of the loopback interface.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // after the loop, so that no port is given twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
