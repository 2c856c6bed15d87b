"""Shares and fetches with libtorrent, for `cargo bench --bench rivals`.

    libtorrent_peer.py version
    libtorrent_peer.py seed SOURCE TORRENT LIMIT      prints `port N` once it seeds; LIMIT 0 is none
    libtorrent_peer.py leech TORRENT FOLDER PORT...   prints `waiting`, begins at a line on stdin,
                                                 prints `done` once every piece is on the disk

It ends when it is killed. No DHT, tracker, port mapping or broadcast.
"""

import os
import sys

import libtorrent as lt


def say(line):
    print(line, flush=True)


def session():
    return lt.session({
        "listen_interfaces": "127.0.0.1:0",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # Over UDP it is many times slower on loopback.
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        # Several sources have the address of this machine.
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification
        | lt.alert.category_t.storage_notification,
    })


def alerts(of):
    while True:
        of.wait_for_alert(1000)
        for alert in of.pop_alerts():
            if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert,
                                  lt.listen_failed_alert)):
                sys.exit(alert.message())
            yield alert


def seed(source, torrent, limit):
    files = lt.file_storage()
    lt.add_files(files, source)
    # The version that all clients speak: SHA-1 alone.
    made = lt.create_torrent(files, 0, lt.create_torrent.v1_only)
    folder = os.path.dirname(os.path.abspath(source))
    lt.set_piece_hashes(made, folder)
    encoded = lt.bencode(made.generate())
    with open(torrent + ".new", "wb") as out:
        out.write(encoded)
    os.replace(torrent + ".new", torrent)
    here = session()
    asked = lt.load_torrent_file(torrent)
    asked.save_path = folder
    # It has just hashed everything.
    asked.flags |= lt.torrent_flags.seed_mode
    asked.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = here.add_torrent(asked)
    handle.set_upload_limit(int(limit))
    for _ in alerts(here):
        if here.listen_port() and handle.status().is_seeding:
            say(f"port {here.listen_port()}")
            break
    for _ in alerts(here):
        pass


def leech(torrent, folder, *ports):
    here = session()
    asked = lt.load_torrent_file(torrent)
    asked.save_path = folder
    asked.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    say("waiting")
    sys.stdin.readline()
    asked.peers = [("127.0.0.1", int(port)) for port in ports]
    handle = here.add_torrent(asked)
    for alert in alerts(here):
        if isinstance(alert, lt.torrent_finished_alert):
            handle.flush_cache()
        elif isinstance(alert, lt.cache_flushed_alert) and handle.status().is_seeding:
            say("done")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "version":
        say(lt.__version__)
    else:
        {"seed": seed, "leech": leech}[command](*rest)
