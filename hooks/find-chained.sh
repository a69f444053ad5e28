# What was installed here before keyward.
case $0 in */*) before=${0%/*} ;; *) before=. ;; esac
before=$before/@NAME@.keyward-chained
