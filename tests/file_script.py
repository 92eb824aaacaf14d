"""Files and vector stores for tests of file_search: uploaded, attached, and waited for."""
import json

from engine_script import call
from harness import eventually

BOUNDARY = "boundary0123456789"


def form(name, body):
    """The body and the headers of an upload."""
    body = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--{BOUNDARY}\r\n"
            f"Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").encode() + body + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def upload(server, name, text, key=None):
    """The file's id."""
    answer = server.request("POST", "/v1/files", *form(name, text if isinstance(text, bytes) else text.encode()), key=key)
    assert answer.status == 200, answer
    return answer.json["id"]


class Library:
    """A vector store of files: {name: text} or {name: (text, attributes)}."""

    def __init__(self, server, files, key=None, **more):
        self.server, self.key = server, key
        self.id = server.post("/v1/vector_stores", {"name": "notes", **more}, key=key).json["id"]
        self.files = {name: self.add(name, *(what if isinstance(what, tuple) else (what,))) for name, what in files.items()}
        self.wait()

    def add(self, name, text, attributes=None):
        id = upload(self.server, name, text, self.key)
        answer = self.server.post(f"/v1/vector_stores/{self.id}/files", {"file_id": id, **({"attributes": attributes} if attributes else {})},
                                  key=self.key)
        assert answer.status == 200, answer
        return id

    def wait(self):
        def counts():
            return self.server.get(f"/v1/vector_stores/{self.id}", key=self.key).json["file_counts"]
        eventually(lambda: counts()["in_progress"] == 0, what="indexing")
        assert counts()["failed"] == 0, self.server.get(f"/v1/vector_stores/{self.id}/files", key=self.key).json

    @property
    def tool(self):
        return {"type": "file_search", "vector_store_ids": [self.id]}

    def note(self, name, index):
        return {"type": "file_citation", "file_id": self.files[name], "filename": name, "index": index}


def look(*queries):
    """A call of the tool, as a model makes it."""
    return call("file_search", json.dumps({"queries": list(queries)}))
