package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
)

func main() {
	upgrader, err := tableflip.New(tableflip.Options{PIDFile: "/run/web.pid"})
	if err != nil {
		log.Fatalln(err)
	}
	defer upgrader.Stop()

	go func() {
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
		for range hangups {
			if err := upgrader.Upgrade(); err != nil {
				log.Println("upgrade failed:", err)
			}
		}
	}()

	listener, err := upgrader.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		log.Fatalln(err)
	}
	server := http.Server{}
	go server.Serve(listener)

	if err := upgrader.Ready(); err != nil {
		log.Fatalln(err)
	}
	<-upgrader.Exit()

	drained, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	server.Shutdown(drained)
}
