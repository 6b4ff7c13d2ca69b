# The coordinator's API for modules and for the inventory. In: address, key, and how the fleet's CA is known. Out: answers as plain data, or an
# ApiError whose words name the field. Every call has a deadline; what may be repeated is, ever more rarely and by chance.
from __future__ import annotations

import hashlib
import http.client
import ipaddress
import json
import os
import random
import re
import socket
import ssl
import time
from urllib.parse import quote, urlencode, urlsplit

PAGE = 500
LOOK_S = 1.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
FIRST_WAIT_S = 0.3
MAX_WAIT_S = 10.0
# The answers that say that nothing was done: each may be asked again.
NOT_DONE = (429, 503)
# The answers of something between here and the coordinator: what was asked may have been done.
MAYBE_DONE = (500, 502, 504)
REPEATABLE = ("GET", "PUT", "DELETE")


def connection_spec():
    """The options that every module has."""
    env = _from_environment
    return {
        "coordinator": {"type": "str", "required": True, "fallback": env("BLACKROAD_COORDINATOR")},
        "key": {"type": "str", "required": True, "no_log": True, "fallback": env("BLACKROAD_KEY")},
        "ca_fingerprint": {"type": "str", "fallback": env("BLACKROAD_CA_FINGERPRINT")},
        "ca_file": {"type": "path", "fallback": env("BLACKROAD_CA")},
        "timeout": {"type": "int", "default": 30},
    }


def _from_environment(name):
    from ansible.module_utils.basic import env_fallback

    return (env_fallback, [name])


class ApiError(Exception):
    """What went wrong, in words. `status` 0: no answer came."""

    def __init__(self, words, status=0, code=""):
        super().__init__(words)
        self.status = status
        self.code = code


class _NoAnswer(Exception):
    """`sent`: the request may have reached the coordinator."""

    def __init__(self, words, sent):
        super().__init__(words)
        self.sent = sent


class Api:
    def __init__(self, coordinator, key, ca_fingerprint=None, ca_file=None, timeout=30):
        parts = urlsplit(coordinator if "://" in coordinator else "https://" + coordinator)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ApiError("coordinator: expected an address like https://192.168.1.4:8401, got %r" % coordinator)
        self._host = parts.hostname
        try:
            self._port = parts.port or (8401 if parts.scheme == "https" else 8400)
        except ValueError as error:
            raise ApiError("coordinator: expected a port from 1 to 65535 in %r" % coordinator) from error
        self._is_tls = parts.scheme == "https"
        if not self._is_tls and not _is_loopback(self._host):
            raise ApiError(
                "coordinator: expected https:// for another machine, got %r: the key would be readable on the way" % coordinator
            )
        if not key or not re.match(r"^brk_[\x21-\x7e]+$", key):
            raise ApiError("key: expected an API key of the fleet (brk_...)")
        if timeout < 1 or timeout > 3600:
            raise ApiError("timeout: expected seconds from 1 to 3600, got %s" % timeout)
        self._key = key
        self._fingerprint = _read_fingerprint(ca_fingerprint)
        self._ca_file = ca_file
        self._timeout = timeout
        self._tls = None

    def get(self, path, query=None):
        return self.call("GET", path, query=query)

    def nodes(self):
        """Every node, a page at a time."""
        after = None
        while True:
            query = {"limit": PAGE} if after is None else {"limit": PAGE, "after": after}
            page = self.get("/v1/nodes", query)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]["id"]

    def get_or_none(self, path):
        """None where there is no such thing."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def call(self, method, path, body=None, query=None):
        end = time.monotonic() + self._timeout
        target = path + ("?" + urlencode(query) if query else "")
        tries = 0
        while True:
            tries += 1
            wait = random.uniform(0, min(MAX_WAIT_S, FIRST_WAIT_S * 2 ** min(tries, 10)))
            try:
                status, text, after = self._ask(method, target, body, end)
            except _NoAnswer as error:
                if time.monotonic() + wait >= end or (error.sent and method not in REPEATABLE):
                    raise ApiError("%s://%s:%d does not answer: %s" % (self._scheme, self._host, self._port, error)) from error
                time.sleep(wait)
                continue
            if status < 400:
                return _read_json(text, method, path)
            may_repeat = status in NOT_DONE or (status in MAYBE_DONE and method in REPEATABLE)
            wait = max(wait, after)
            if not may_repeat or time.monotonic() + wait >= end:
                raise _problem(method, path, status, text)
            time.sleep(wait)

    @property
    def _scheme(self):
        return "https" if self._is_tls else "http"

    def _ask(self, method, target, body, end):
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": "Bearer " + self._key, "accept": "application/json"}
        if content is not None:
            headers["content-type"] = "application/json"
        connection = self._connect(end)
        sent = False
        try:
            connection.connect()
            sent = True
            connection.sock.settimeout(_left(end))
            connection.request(method, target, content, headers)
            response = connection.getresponse()
            text = _read_all(response, end)
        except ssl.SSLCertVerificationError as error:
            raise ApiError(
                "What answers at %s:%d is not the coordinator of this fleet: %s" % (self._host, self._port, error.verify_message)
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise _NoAnswer(str(error) or type(error).__name__, sent) from error
        finally:
            connection.close()
        return response.status, text, _seconds(response.headers.get("retry-after"))

    def _connect(self, end):
        if not self._is_tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=_left(end))
        if self._tls is None:
            self._tls = self._trust(end)
        return _NamedConnection(self._host, self._port, self._tls, self._is_private, _left(end))

    @property
    def _is_private(self):
        return bool(self._fingerprint or self._ca_file)

    def _trust(self, end):
        if not self._is_private:
            return ssl.create_default_context()
        pem = self._read_authority() if self._ca_file else self._fetch_authority(end)
        try:
            found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest()
            context = ssl.create_default_context(cadata=pem)
        except ValueError as error:
            place = self._ca_file or "https://%s:%d/ca.pem" % (self._host, self._port)
            raise ApiError("%s: expected a certificate in PEM: %s" % (place, error)) from error
        if self._fingerprint and found != self._fingerprint:
            raise ApiError(
                "What answers at %s:%d is not the coordinator of this fleet: its CA has the hash %s" % (self._host, self._port, found)
            )
        return context

    def _read_authority(self):
        try:
            with open(self._ca_file, encoding="ascii") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ApiError("ca_file: expected a certificate in PEM: %s" % error) from error

    def _fetch_authority(self, end):
        """The certificate comes from anybody: what counts is its hash."""
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname = False
        anybody.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=_left(end), context=anybody)
        try:
            connection.request("GET", "/ca.pem")
            return connection.getresponse().read(65536).decode("ascii")
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            raise _NoAnswer(str(error) or type(error).__name__, False) from error
        finally:
            connection.close()


class _NamedConnection(http.client.HTTPSConnection):
    """Under a CA of the fleet the name localhost will do, which every certificate of a coordinator has: it may be reached at an address
    that its certificate does not name."""

    def __init__(self, host, port, context, is_private, timeout):
        super().__init__(host, port, timeout=timeout, context=context)
        self._trust = context
        self._name = "localhost" if is_private else host

    def connect(self):
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self._trust.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise


def path_of(*parts):
    """A path of the API with each part escaped."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _is_loopback(host):
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_fingerprint(text):
    if not text:
        return None
    bare = text.lower().replace(":", "")
    if not re.match(r"^[0-9a-f]{64}$", bare):
        raise ApiError("ca_fingerprint: expected the SHA-256 of the fleet's CA, 64 hexadecimal digits, got %r" % text)
    return bare


def _read_all(response, end):
    pieces, size = [], 0
    while True:
        # One piece has the deadline of the socket, and all together that of the call.
        _left(end)
        piece = response.read(1024 * 1024)
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise ApiError("The answer is larger than %d bytes" % MAX_ANSWER_BYTES)
        pieces.append(piece)


def _left(end):
    left = end - time.monotonic()
    if left <= 0:
        raise _NoAnswer("the deadline passed", False)
    return left


def _seconds(text):
    return min(float(text), 60.0) if text and re.match(r"^\d{1,6}$", text) else 0.0


def _read_json(text, method, path):
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise ApiError("%s %s: the answer is not JSON: is that a coordinator?" % (method, path)) from error


def _problem(method, path, status, text):
    try:
        problem = json.loads(text)
        words = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        problem, words = {}, None
    faults = problem.get("faults") or []
    # The first fault is in the words already.
    more = ["%(field)s: expected %(expected)s, got %(got)s" % fault for fault in faults[1:5]]
    said = "; ".join([words or "status %d" % status] + more)
    return ApiError("%s %s: %s" % (method, path, said), status, problem.get("code") or "")


def run_module(module, work):
    """Runs the work of a module with the API; what is refused fails the task in the API's words."""
    names = ("coordinator", "key", "ca_fingerprint", "ca_file", "timeout")
    try:
        module.exit_json(**work(Api(**{name: module.params[name] for name in names})))
    except ApiError as error:
        module.fail_json(msg=str(error), status=error.status, code=error.code)


def given(params, *names):
    """Those of the options that were set."""
    return {name: params[name] for name in names if params[name] is not None}


def diff_of(before, after):
    return {"before": before, "after": after}


def until(what, timeout, look):
    """Asks again and again until `look` answers something; `what` says what it waited for."""
    end = time.monotonic() + timeout
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() >= end:
            raise ApiError("%s, after %d s" % (what(), timeout))
        time.sleep(min(LOOK_S, max(0.0, end - time.monotonic())))


def write_secret(path, text):
    """A file that only its owner reads, whole or not at all."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    partial = "%s.%d.partial" % (path, os.getpid())
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
