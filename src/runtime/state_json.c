/* How `state` and `list` show a container. */
#include "runtime/state_json.h"

#include "runtime/version.h"

void state_put_json(JsonWriter *w, const Container *c, enum status status, const char *owner)
{
	json_object_open(w, NULL);
	json_put_string(w, "ociVersion", VERSION_OCI);
	json_put_string(w, "id", c->id);
	json_put_int(w, "pid", status == STATUS_STOPPED ? 0 : c->pid);
	json_put_string(w, "status", status_name(status));
	json_put_string(w, "bundle", c->bundle);
	json_put_string(w, "rootfs", c->rootfs);
	json_put_string(w, "created", c->created);
	if (c->annotations.n_pairs > 0) {
		json_object_open(w, "annotations");
		for (size_t i = 0; i < c->annotations.n_pairs; i++)
			json_put_string(w, c->annotations.pairs[i].key, c->annotations.pairs[i].value);
		json_object_close(w);
	}
	json_put_string(w, "owner", owner);
	json_object_close(w);
}
