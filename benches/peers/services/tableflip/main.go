// tableflip, as its package documentation and http_example_test.go have it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
)

// How long what is in flight may take when a successor owns the service.
const drainLimit = 30 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		tell("failed", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
}

func run(arguments []string) error {
	go holdLeash()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	upgrader, err := tableflip.New(tableflip.Options{})
	if err != nil {
		return err
	}
	defer upgrader.Stop()
	upgraded := make(chan struct{})
	go upgradeOn(hangups, upgrader, upgraded)

	switch {
	case len(arguments) == 3 && arguments[0] == "hold":
		err = hold(upgrader, arguments[1], arguments[2])
	case len(arguments) == 2 && arguments[0] == "serve":
		err = serve(upgrader, arguments[1])
	default:
		err = errors.New("usage: hold PREFIX COUNT | serve ADDRESS")
	}
	if err == nil {
		<-upgraded // and told so
		tell("gone", os.Getpid())
	}
	return err
}

// holdLeash ends this process when its standard input does, which is the runner's.
func holdLeash() {
	io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

// upgradeOn measures from right before the library is called until it has told. An upgrade is refused for
// as long as the parent has not exited: that is waited for before.
func upgradeOn(hangups <-chan os.Signal, upgrader *tableflip.Upgrader, upgraded chan<- struct{}) {
	for range hangups {
		upgrader.WaitForParent(context.Background())
		asked := time.Now()
		if err := upgrader.Upgrade(); err != nil {
			tell("failed", err)
			continue
		}
		tell("upgraded", time.Since(asked).Nanoseconds())
		close(upgraded)
		return
	}
}

func hold(upgrader *tableflip.Upgrader, prefix, count string) error {
	listeners, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for number := 0; number < listeners; number++ {
		listener, err := upgrader.Listen("unix", fmt.Sprintf("%s%d", prefix, number))
		if err != nil {
			return err
		}
		listener.Close() // the upgrader keeps one of its own
	}
	if err := ready(upgrader); err != nil {
		return err
	}
	<-upgrader.Exit()
	return nil
}

func serve(upgrader *tableflip.Upgrader, address string) error {
	listener, err := upgrader.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := http.Server{Handler: http.HandlerFunc(answer)}
	go server.Serve(listener)
	if err := ready(upgrader); err != nil {
		return err
	}
	<-upgrader.Exit()

	drained, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	server.Shutdown(drained)
	return nil
}

func ready(upgrader *tableflip.Upgrader) error {
	if err := upgrader.Ready(); err != nil {
		return err
	}
	tell("ready", os.Getpid())
	return nil
}

func answer(response http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(response, "%d\n", os.Getpid())
}

// tell writes a line for the runner, in one write: two generations share the stream.
func tell(event string, details interface{}) {
	fmt.Printf("%s %v\n", event, details)
}
