/* Descriptors of ours that a container gets in the run_oci way. */
#pragma once

/* Descriptors from 3 on that were open when we were started are to reach the container under their numbers: opens /dev/null
 * in the gaps between them and returns how many there are then, from 3 on; 0 for none. To be called before anything else
 * is opened. Numbers above 63 are not passed on. */
int oci_fds_claim(void);
