"""A webhook for tests: answers every POST on 127.0.0.1 with 200 "ok" and writes its body, as one line, to FILE.

usage: webhook.py FILE     the port it chose is in FILE.port once it listens
"""
import http.server
import os
import sys


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[1], "ab") as bodies:
            bodies.write(body.replace(b"\n", b" ") + b"\n")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
with open(sys.argv[1] + ".port.new", "w", encoding="ascii") as port:
    port.write(str(server.server_port))
os.rename(sys.argv[1] + ".port.new", sys.argv[1] + ".port")
server.serve_forever()
