alter table ops.builds ${ON_CLUSTER}
    comment column state 'claiming, running, finished, failed, withdrawn or abandoned';
