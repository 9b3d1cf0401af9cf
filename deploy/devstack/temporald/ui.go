package temporald

import (
	"net"
	"strconv"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI serves Temporal's own web UI and returns what stops it. The port must be free: the UI server exits the process
// otherwise.
func startUI(o Options) (stop func()) {
	s := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host: ip, Port: o.UIPort,
		TemporalGRPCAddress: net.JoinHostPort(ip, strconv.Itoa(o.Port)),
		DefaultNamespace:    o.Namespace,
		EnableUI:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true},
		HideLogs:            true,
		DisableNewsFetch:    true,
	}))
	go s.Start() //nolint:errcheck // returns nil when stopped
	return s.Stop
}
